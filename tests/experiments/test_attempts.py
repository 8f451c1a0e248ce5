from __future__ import annotations

import pytest

from data_modules.problems import BadInput, Problem
from experiments.attempts import attempt, outcome


class OddError(ValueError):
    """Cannot leave its process."""

    def __init__(self) -> None:
        super().__init__("this and that")
        self.held = lambda: None


def test_results_and_exceptions_come_back_as_they_were() -> None:
    assert outcome(attempt(sorted, [2, 1])) == [1, 2]
    error = outcome(attempt({}.__getitem__, "a"))
    assert isinstance(error, KeyError)
    assert error.args == ("a",)
    assert "Traceback" in error.__notes__[0]


def test_problems_keep_their_places() -> None:
    def refuse(path: str) -> None:
        raise BadInput([Problem(path, 3, "x", "wrong")])

    error = outcome(attempt(refuse, "a.csv"))
    assert isinstance(error, BadInput)
    assert error.problems == (Problem("a.csv", 3, "x", "wrong"),)


def test_an_exception_that_does_not_survive_is_told() -> None:
    def fail(task: int) -> None:
        raise OddError

    error = outcome(attempt(fail, 1))
    assert type(error) is RuntimeError
    assert str(error) == "OddError: this and that"


def test_a_result_that_cannot_be_packed_is_an_exception() -> None:
    error = outcome(attempt(lambda task: lambda: task, 1))
    assert isinstance(error, Exception)
    assert "pickle" in str(error).lower()


def test_ctrl_c_is_no_result() -> None:
    def stop(task: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        attempt(stop, 1)

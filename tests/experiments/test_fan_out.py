from __future__ import annotations

import pytest

from data_modules.problems import BadInput
from experiments.fan_out import check_fan_out, fan_out, place_number


def test_in_this_process_outcomes_come_in_order() -> None:
    outcomes = list(fan_out(int, ["1", "x", "3"]))
    assert [index for index, _ in outcomes] == [0, 1, 2]
    assert [outcomes[0][1], outcomes[2][1]] == [1, 3]
    assert isinstance(outcomes[1][1], ValueError)


def test_tasks_are_not_done_before_they_are_asked_for() -> None:
    done: list[int] = []
    outcomes = fan_out(done.append, [1, 2])
    assert done == []
    next(outcomes)
    assert done == [1]


def test_ctrl_c_goes_through() -> None:
    def stop(task: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        list(fan_out(stop, [1]))


def test_no_tasks_is_no_work() -> None:
    assert list(fan_out(int, [])) == []
    assert list(fan_out(int, [], jobs=3)) == []


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ({"jobs": 0}, "0 is no number of processes"),
        ({"cluster": "yarn"}, "'yarn' is no cluster: local, slurm, pbs, or tcp://host:port"),
        ({"cluster": "http://host:1"}, "is no cluster"),
    ],
)
def test_what_cannot_be_is_refused_at_once(how, message) -> None:
    with pytest.raises(BadInput, match=message):
        fan_out(int, ["1"], **how)
    with pytest.raises(BadInput, match=message):
        check_fan_out(**how)


def test_the_only_process_has_the_first_place(monkeypatch) -> None:
    monkeypatch.delenv("MMSURV_WORKER", raising=False)
    assert place_number() == 0
    monkeypatch.setenv("MMSURV_WORKER", "3")
    assert place_number() == 3

from __future__ import annotations

import argparse
import sys
from types import ModuleType

import pytest

from data_modules.problems import BadInput, Problem
from experiments import prepare


@pytest.fixture
def commands(monkeypatch):  # noqa: ANN201 - a function of a name and what it does
    """`commands("double", work)`: the only command; it takes `--number` and calls `work`."""

    def add(name: str, work) -> None:
        module = ModuleType(f"experiments.preparing.{name}")

        def add_flags(parser: argparse.ArgumentParser) -> None:
            parser.add_argument("--number", type=int, default=3, help="a number")

        vars(module).update(add_flags=add_flags, run=work)
        monkeypatch.setitem(sys.modules, module.__name__, module)
        monkeypatch.setattr(prepare, "COMMANDS", {name: "Does what the test says."})

    return add


def test_a_command_gets_its_flags_and_its_code_is_the_exit_code(commands) -> None:
    commands("answer", lambda options: options.number)
    assert prepare.main(["answer"]) == 3
    assert prepare.main(["answer", "--number", "0"]) == 0


def test_bad_input_is_told_and_ends_with_two(commands, capsys) -> None:
    def refuse(_) -> int:
        raise BadInput([Problem("a.csv", 2, "age", "'x' is not a number")])

    commands("refuse", refuse)
    assert prepare.main(["refuse"]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert "a.csv, row 2, column age: 'x' is not a number" in printed.err


def test_a_failure_of_ours_is_not_hidden(commands) -> None:
    commands("fail", lambda options: 1 // (options.number - 3))
    with pytest.raises(ZeroDivisionError):
        prepare.main(["fail"])


@pytest.mark.parametrize(
    ("flags", "told"),
    [
        ([], "required: command"),
        (["dobule"], "invalid choice: 'dobule'"),
        (["double", "--num", "3"], "unrecognized arguments: --num 3"),
        (["double", "--number", "x"], "invalid int value: 'x'"),
    ],
)
def test_flags_that_are_wrong_end_with_two(commands, capsys, flags, told) -> None:
    commands("double", lambda options: 0)
    with pytest.raises(SystemExit) as end:
        prepare.main(flags)
    assert end.value.code == 2
    assert told in capsys.readouterr().err


def test_help_names_commands_flags_and_defaults(commands, capsys) -> None:
    commands("double", lambda options: 0)
    for flags, told in (
        (["--help"], ["double", "Does what the test says."]),
        (["double", "--help"], ["Does what the test says.", "a number (default: 3)"]),
    ):
        with pytest.raises(SystemExit) as end:
            prepare.main(flags)
        assert end.value.code == 0
        printed = capsys.readouterr().out
        assert all(words in printed for words in told)


def test_every_command_that_is_named_has_its_file() -> None:
    assert prepare.parser().prog == "python -m experiments.prepare"
    for name, summary in prepare.COMMANDS.items():
        assert summary
        assert callable(prepare._module(name).run)

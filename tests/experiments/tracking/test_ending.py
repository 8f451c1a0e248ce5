from __future__ import annotations

import errno
import sys

import pytest

from data_modules.problems import BadInput, Problem
from experiments.attempts import LostClusterError
from experiments.tracking.ending import NoAnswer, ended, stoppable


@pytest.mark.parametrize(
    ("error", "code", "told"),
    [
        (BadInput([Problem("a.yaml", None, None, "is bad")]), 2, "a.yaml: is bad"),
        (PermissionError(errno.EACCES, "Permission denied", "runs"), 2, "runs: Permission denied"),
        (OSError(errno.EROFS, "Read-only file system", "runs"), 2, "runs: Read-only"),
        (FileNotFoundError(errno.ENOENT, "No such file", "x/y"), 2, "x/y: No such file"),
        (OSError(errno.ENOSPC, "No space left", "runs/a"), 1, "runs/a: No space left; free some"),
        (ConnectionError("refused"), 1, "error: refused"),
        (LostClusterError("the scheduler is lost"), 1, "error: the scheduler is lost"),
        (NoAnswer("W&B: saving the report: no answer"), 1, "error: W&B: saving the report"),
    ],
)
def test_what_fails_ends_in_a_line_with_its_exit_code(error, code, told, capsys) -> None:
    def fail() -> int:
        raise error

    assert ended(fail) == code
    assert told in capsys.readouterr().err


def _stopped_training() -> int:
    try:
        raise KeyboardInterrupt
    except KeyboardInterrupt:
        sys.exit(1)


def _stopped_anywhere() -> int:
    raise KeyboardInterrupt


@pytest.mark.parametrize("command", [_stopped_training, _stopped_anywhere])
def test_ctrl_c_says_how_to_go_on(command, capsys) -> None:
    assert stoppable(command, "--resume --out FOLDER") == 130
    told = capsys.readouterr().err
    assert told == "stopped; what is done is kept: --resume --out FOLDER\n"


def test_another_exit_is_none_of_ctrl_c() -> None:
    with pytest.raises(SystemExit):
        stoppable(lambda: sys.exit(3), "")


def test_a_mistake_of_ours_is_not_hidden() -> None:
    def fail() -> int:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        ended(fail)

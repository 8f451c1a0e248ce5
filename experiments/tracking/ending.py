"""How a command ends where a folder, a disk or a server fails it: in a line, with an exit code."""

from __future__ import annotations

import sys
from collections.abc import Callable

from data_modules.problems import BadInput
from experiments.attempts import LostClusterError
from experiments.locking import is_full_disk

BAD_INPUT, FAILURE, STOPPED = 2, 1, 130


class NoAnswer(Exception):  # noqa: N818 - it names what happened
    """A server did not do what it was asked, or not in time."""


def ended(command: Callable[[], int]) -> int:
    """Runs a command to its exit code.

    Args:
        command: Returns the exit code of its own.

    Returns:
        2 where the input is bad: a folder that is missing, or where nobody may write, is. 1 for a
        full disk, any other error of the system and a server that fails.

    Example:
        >>> ended(lambda: 0)
        0
    """
    try:
        return command()
    except BadInput as error:
        print(error, file=sys.stderr)
        return BAD_INPUT
    except (NoAnswer, LostClusterError) as error:
        print(f"error: {error}", file=sys.stderr)
        return FAILURE
    except OSError as error:
        print(f"error: {reason(error)}", file=sys.stderr)
        return FAILURE if is_full_disk(error) or not error.filename else BAD_INPUT


def stoppable(command: Callable[[], int], way_on: str) -> int:
    """Runs a command of a terminal to its exit code, which is 130 where Ctrl-C stopped it.

    Not for a command that another one calls: that one would not know that it is to stop.

    Args:
        command: Returns the exit code of its own.
        way_on: How to go on, in a line.

    Example:
        >>> stoppable(lambda: 0, "go on")
        0
    """
    try:
        return command()
    except (KeyboardInterrupt, SystemExit) as stop:
        # Lightning ends a training that is stopped by SystemExit.
        stopped = stop if isinstance(stop, KeyboardInterrupt) else stop.__context__
        if not isinstance(stopped, KeyboardInterrupt):
            raise
        print(f"stopped; what is done is kept: {way_on}", file=sys.stderr)
        return STOPPED


def reason(error: OSError) -> str:
    """What the system says, and of which file.

    Example:
        >>> reason(PermissionError(13, "Permission denied", "runs/a"))
        'runs/a: Permission denied'
    """
    said = error.strerror or str(error) or type(error).__name__
    where = f"{error.filename}: " if error.filename else ""
    return f"{where}{said}" + ("; free some space" if is_full_disk(error) else "")

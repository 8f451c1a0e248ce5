"""One task tried in another process: what comes back is bytes, whatever happened there."""

from __future__ import annotations

import pickle
import traceback
from collections.abc import Callable
from typing import Any


class LostTask(RuntimeError):  # noqa: N818 - it names what happened
    """A task whose process died every time that it was tried."""


class LostClusterError(RuntimeError):
    """A scheduler that does not answer any more."""


def attempt(work: Callable[[Any], Any], task: Any) -> bytes:
    """Calls `work(task)` and packs what it returned, or the exception that it ended with.

    Example:
        >>> outcome(attempt(abs, -2))
        2
        >>> outcome(attempt(abs, "two"))
        TypeError("bad operand type for abs(): 'str'")
    """
    try:
        return pickle.dumps((True, work(task)))
    except Exception as error:
        return packed_error(error)


def packed_error(error: Exception) -> bytes:
    """An exception as bytes, with the lines that led to it as a note.

    One that cannot be packed, or not be unpacked again, is told by a RuntimeError in its stead.

    Example:
        >>> type(outcome(packed_error(ValueError("no"))))
        <class 'ValueError'>
    """
    error.add_note("".join(traceback.format_exception(error)).rstrip())
    try:
        packed = pickle.dumps((False, error))
        pickle.loads(packed)
    except Exception:
        told = RuntimeError(f"{type(error).__name__}: {error}")
        told.__notes__ = error.__notes__
        return pickle.dumps((False, told))
    return packed


def outcome(packed: bytes) -> Any:
    """What `attempt` packed: a result, or an exception that is handed back and not raised.

    Example:
        >>> outcome(attempt(len, "four"))
        4
    """
    try:
        _, value = pickle.loads(packed)
    except Exception as error:
        return error
    return value

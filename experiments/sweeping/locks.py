"""Locks that a crash does not leave behind: the system frees them with the process."""

from __future__ import annotations

import contextlib
import fcntl
from collections.abc import Iterator
from pathlib import Path
from typing import IO


def take(path: Path) -> IO[str] | None:
    """Takes a lock file, or None where somebody holds it. Closing what is returned frees it.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     first = take(Path(folder) / "a.lock")
        ...     second = take(Path(folder) / "a.lock")
        ...     first.close()
        ...     third = take(Path(folder) / "a.lock")
        ...     second is None, third is None
        ...     third.close()
        (True, False)
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    opened = path.open("a", encoding="utf-8")
    try:
        fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        opened.close()
        return None
    return opened


@contextlib.contextmanager
def held(path: Path) -> Iterator[None]:
    """Waits for a lock file and holds it for the block."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as opened:
        fcntl.flock(opened, fcntl.LOCK_EX)
        yield

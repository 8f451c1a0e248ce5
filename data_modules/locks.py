"""One process at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout


@contextmanager
def waited_lock(path: Path, waits: Callable[[], None]) -> Iterator[None]:
    """Holds a lock, which the operating system frees when the process ends, however it ends.

    Args:
        path: Of the lock; its folder is there.
        waits: Called where another process holds it and is waited for.

    Raises:
        NotImplementedError: The file system has no locks.
        OSError: Nobody may write there, say.
    """
    lock = FileLock(path)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        waits()
        lock.acquire()
    try:
        yield
    finally:
        lock.release()

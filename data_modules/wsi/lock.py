"""One process a slide: two that append to the same rows would make a bag of neither."""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from data_modules.problems import BadInput, Problem


@contextmanager
def slide_lock(target: Path) -> Iterator[None]:
    """Holds the place of a bag; another process that wants it is refused.

    The operating system gives the lock up when the process ends, however it ends.

    Args:
        target: The bag.

    Raises:
        BadInput: Another process does this slide.
        OSError: The folder cannot be written.
    """
    lock = FileLock(target.with_name(f".{target.name}.lock"), thread_local=False)
    holder = holder_of(target)
    try:
        lock.acquire(blocking=False)
    except Timeout:
        text = (
            f"another process{_told(holder)} does this slide, another command on this --out or a "
            "worker that was given up: run again when it has ended"
        )
        raise BadInput([Problem(str(target), None, None, text)]) from None
    try:
        with contextlib.suppress(OSError):
            holder.write_text(f"{os.getpid()} on {socket.gethostname()}", encoding="utf-8")
        yield
    finally:
        holder.unlink(missing_ok=True)
        lock.release()
        # Windows leaves the file behind.
        if os.name == "nt":
            with contextlib.suppress(OSError):
                Path(lock.lock_file).unlink(missing_ok=True)


def holder_of(target: Path) -> Path:
    """Where it stands who does a slide: beside the lock, which those who want it empty.

    Example:
        >>> holder_of(Path("out/A1.h5")).as_posix()
        'out/.A1.h5.lock.holder'
    """
    return target.with_name(f".{target.name}.lock.holder")


def _told(holder: Path) -> str:
    with contextlib.suppress(OSError):
        return f" ({holder.read_text(encoding='utf-8')})"
    return ""

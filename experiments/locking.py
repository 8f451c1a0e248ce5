"""One process a run folder, and one a cell; and a disk that takes no more."""

from __future__ import annotations

import contextlib
import errno
import os
import re
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from data_modules.locks import waited_lock
from data_modules.problems import BadInput, Problem

LOCK = ".lock"
# Who holds the lock: beside it, for Windows lets nobody read a locked file.
HOLDER = ".lock.partial"

# Seconds within which the processes that read for a killed one end, which hold its lock with it.
ORPHANS = 15.0

# The disk or its quota is full.
FULL = (errno.ENOSPC, errno.EDQUOT)


@contextmanager
def locked(folder: Path, *, ours: bool = False) -> Iterator[None]:
    """Holds a run folder, making it if need be; another process that wants it is refused.

    The operating system keeps the lock and gives it up when the process ends, however it ends: a
    crash leaves none behind. A folder that was made and stays empty is removed again.

    Args:
        folder: The run folder.
        ours: It was made for this run, with `runs` above it.

    Raises:
        BadInput: Another process writes to the folder, or nobody may.
    """
    if folder.exists() and not folder.is_dir():
        raise BadInput([Problem(str(folder), None, None, "--out is a file, not a folder")])
    made = [path for path in (folder, *folder.parents) if not path.exists()]
    made += [folder, folder.parent] if ours else []
    lock = FileLock(folder / LOCK, thread_local=False)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock.acquire(timeout=ORPHANS if _is_orphaned(folder) else 0)
    except Timeout:
        text = (
            f"another process{_holder(folder)} writes to this run folder: wait for it, or choose "
            "another --out"
        )
        raise BadInput([Problem(str(folder), None, None, text)]) from None
    except OSError as error:
        if is_full_disk(error):
            raise
        text = f"cannot be written ({error.strerror or error}): choose another --out"
        raise BadInput([Problem(str(folder), None, None, text)]) from None
    try:
        with contextlib.suppress(OSError):
            text = f" ({os.getpid()} on {socket.gethostname()})"
            (folder / HOLDER).write_text(text, encoding="utf-8")
        yield
    finally:
        (folder / HOLDER).unlink(missing_ok=True)
        lock.release()
        # Windows leaves the file behind.
        with contextlib.suppress(OSError):
            (folder / LOCK).unlink(missing_ok=True)
        for path in made:
            with contextlib.suppress(OSError):
                path.rmdir()


@contextmanager
def one_at_a_time(path: Path, waits: Callable[[], None] = lambda: None) -> Iterator[None]:
    """Waits until no other process is at what ends with the file `path`; then it may be there.

    A worker of a cluster goes on with its task when the command that gave it was stopped, and a
    command that resumes the run gives it again.

    Args:
        path: What is left last.
        waits: Called where another process is at it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with contextlib.ExitStack() as stack:
        # A file system without locks has none to wait for.
        with contextlib.suppress(NotImplementedError, OSError):
            stack.enter_context(waited_lock(path.with_name(f".{path.name}.lock"), waits))
        yield


def is_full_disk(error: BaseException) -> bool:
    """Whether there is no room for a file.

    Example:
        >>> is_full_disk(OSError(errno.ENOSPC, "No space left on device")), is_full_disk(OSError())
        (True, False)
    """
    return isinstance(error, OSError) and error.errno in FULL


def full_disk(error: OSError, folder: Path) -> str:
    """What to tell where the disk is full, and how to go on.

    Example:
        >>> full_disk(OSError(28, "No space left on device"), Path("runs/a")).partition(";")[0]
        'error: runs/a: No space left on device'
    """
    return (
        f"error: {error.filename or folder}: {error.strerror or error}; what is done is kept: free "
        f"some space, then --resume --out {folder}"
    )


def _is_orphaned(folder: Path) -> bool:
    """Whether who says that he holds the folder was a process of this machine that is gone."""
    found = re.search(r"\((\d+) on (.*)\)", _holder(folder))
    if not found or found[2] != socket.gethostname() or os.name != "posix":
        return False
    try:
        os.kill(int(found[1]), 0)
    except ProcessLookupError:
        return True
    except OSError:  # it is there, and another user's
        return False
    return False


def _holder(folder: Path) -> str:
    with contextlib.suppress(OSError):
        return (folder / HOLDER).read_text(encoding="utf-8")
    return ""

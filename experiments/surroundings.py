"""The environment of processes: what libraries read when they are imported."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

# What the libraries that compute ask for the number of threads.
THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMEXPR_NUM_THREADS")
# Threads that spin while they wait for each other stretch every step where another program wants
# the same core: on a busy machine a run took seven times as long.
WAITING = {"OMP_WAIT_POLICY": "PASSIVE"}
# Large tensors in large pages (Linux), in which fewer holes are left between them.
PAGES = {"THP_MEM_ALLOC_ENABLE": "1"}


def cores() -> int:
    """Processors that this process may use."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # not on this system
        return os.cpu_count() or 1


def threads_each(processes: int) -> int:
    """Threads of each of several processes that share the processors.

    Example:
        >>> threads_each(10_000)
        1
    """
    return max(1, cores() // max(processes, 1))


def thread_variables(threads: int) -> dict[str, str]:
    """Variables that ask for so many threads; never for more than was asked for before.

    Example:
        >>> sorted(set(thread_variables(1).values()))
        ['1']
    """
    wanted = {}
    for name in THREADS:
        had = os.environ.get(name, "")
        wanted[name] = had if had.isdigit() and int(had) < threads else str(threads)
    return wanted


@contextmanager
def variables(wanted: Mapping[str, str]) -> Iterator[None]:
    """Variables that a process started meanwhile inherits."""
    before = {name: os.environ.get(name) for name in wanted}
    os.environ.update(wanted)
    try:
        yield
    finally:
        for name, had in before.items():
            if had is None:
                del os.environ[name]
            else:
                os.environ[name] = had


def begin_plainly() -> None:
    """What this process starts, such as readers of bags, begins as in a run without workers.

    Not by a template of a worker's own, which would import everything anew and outlive it; and a
    worker may start something.
    """
    multiprocessing.current_process().daemon = False
    multiprocessing.set_start_method(None, force=True)


def settle(*wanted: Mapping[str, str]) -> None:
    """Sets variables of this process, unless its user has."""
    for some in wanted:
        for name, value in some.items():
            os.environ.setdefault(name, value)

"""The same work on many tasks: here, in processes of this machine, or over many machines."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Generator, Mapping, Sequence
from typing import TypeVar

from data_modules.problems import BadInput, Problem

Task = TypeVar("Task")
Result = TypeVar("Result")


def fan_out(
    work: Callable[[Task], Result],
    tasks: Sequence[Task],
    *,
    jobs: int = 1,
    cluster: str = "",
    retries: int = 2,
    needs: Mapping[str, float] | None = None,
) -> Generator[tuple[int, Result | Exception], None, None]:
    """Does `work` on every task and yields each outcome as soon as it is there.

    An exception of the work is handed back and not raised, so that the other tasks go on. A process
    that dies under a task is replaced and its task done again; after `retries` more deaths the
    outcome is a `LostTask`. When the caller stops (an error, Ctrl-C, `close()`), what is under way
    is ended.

    Args:
        work: Called with one task. Where it leaves this process, it must be picklable: a function
            of a module, or a `functools.partial` of one.
        tasks: Picklable, likewise.
        jobs: Processes; 1 without a cluster is this process. They share the cores: each is told to
            use its part as threads.
        cluster: "" is this machine. Through Dask: "local", a scheduler's "tcp://host:port" (whose
            workers do one task at a time; `jobs` has no meaning and the scheduler's own
            `allowed-failures` counts deaths), or "slurm" and "pbs", where `jobs` jobs are started
            with the options of Dask's configuration (jobqueue.yaml).
        retries: Times that a task whose process died is done again.
        needs: Of Dask's resources, what a task takes while it runs, such as {"GPU": 1}.

    Yields:
        Index of the task, and its result or the exception.

    Raises:
        BadInput: There are no such jobs or no such cluster, or it does not answer.

    Example:
        >>> sorted(fan_out(abs, [-1, 2]))
        [(0, 1), (1, 2)]
        >>> next(fan_out(abs, ["a"]))
        (0, TypeError("bad operand type for abs(): 'str'"))
    """
    _check_jobs(jobs)
    if cluster:
        from experiments.over_dask import check_address, over_dask

        check_address(cluster)
        return over_dask(work, tasks, cluster, jobs=jobs, retries=retries, needs=needs or {})
    if jobs == 1:
        return _here(work, tasks)
    from experiments.spawned import in_processes

    return in_processes(work, tasks, jobs=jobs, retries=retries)


def check_fan_out(
    *, jobs: int = 1, cluster: str = "", needs: Mapping[str, float] | None = None
) -> None:
    """Refuses what `fan_out` would refuse, before anything is written.

    A scheduler that is there already is asked; one that would be started here is not.

    Raises:
        BadInput: As `fan_out`.
    """
    _check_jobs(jobs)
    if cluster:
        from experiments.over_dask import check_cluster

        check_cluster(cluster, needs or {})


def _check_jobs(jobs: int) -> None:
    if jobs < 1:
        raise BadInput([Problem("--jobs", None, None, f"{jobs} is no number of processes")])


def place_number() -> int:
    """Number of the process among those that share this machine, from 0; it picks a device."""
    from experiments.spawned import WORKER

    if WORKER in os.environ:
        return int(os.environ[WORKER])
    if "distributed" not in sys.modules:
        return 0
    from experiments.over_dask import worker_number

    return worker_number() or 0


def _here(
    work: Callable[[Task], Result], tasks: Sequence[Task]
) -> Generator[tuple[int, Result | Exception], None, None]:
    for index, task in enumerate(tasks):
        try:
            result: Result | Exception = work(task)
        except Exception as error:
            result = error
        yield index, result

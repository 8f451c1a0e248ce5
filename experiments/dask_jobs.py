"""A Dask cluster whose workers are jobs of a queue.

Imports Dask, which a run without `--cluster` does without.
"""

from __future__ import annotations

import shlex
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import dask
import dask_jobqueue
from distributed.core import Status

from experiments.cluster_watch import QUEUES, refused
from experiments.surroundings import THREADS


def check_queue(cluster: str) -> None:
    """Refuses a queue that is not here, or whose jobs would lack an option.

    Raises:
        BadInput: The command that submits jobs is not found, or Dask's configuration lacks
            something.
    """
    job = getattr(dask_jobqueue, QUEUES[cluster]).job_cls
    (command, *_) = shlex.split(job.submit_command)
    if shutil.which(command) is None:
        raise refused(f"{command} is not found: start the command where jobs are submitted")
    _check_options(cluster)


@contextmanager
def cluster_of_jobs(
    cluster: str, jobs: int, resources: Mapping[str, float]
) -> Iterator[tuple[Any, Callable[[], bool]]]:
    """A cluster of jobs; cores, memory, queue and account come from Dask's configuration.

    Args:
        cluster: Key of `QUEUES`.
        jobs: Submitted.
        resources: Of Dask, what each worker has.

    Yields:
        The cluster; and what says which jobs the queue has not taken, and raises BadInput where
        it has taken none.

    Raises:
        BadInput: The configuration lacks something.
    """
    kind = getattr(dask_jobqueue, QUEUES[cluster])
    job: Any = kind.job_cls
    refusals: list[str] = []

    class Submitted(job):  # type: ignore[misc]
        async def start(self) -> None:
            try:
                await super().start()
            except Exception as error:
                refusals.append(" ".join(str(error).split()))
                # It is told below; of a job that failed, Dask would print a trace here.
                self.status = Status.running

        async def close(self) -> None:
            await super().close()
            self.status = Status.closed  # which a cluster that is closed asks for

    told = 0

    def none_was_taken() -> bool:
        nonlocal told
        if len(refusals) == jobs:
            raise refused(f"{cluster} took no job: {refusals[0]}")
        if len(refusals) > told:
            told = len(refusals)
            print(
                f"--cluster {cluster}: {told} of {jobs} jobs were not taken: {refusals[-1]}",
                file=sys.stderr,
            )
        return False

    _check_options(cluster)
    # Any free port: several runs may share the machine that submits.
    options = dask.config.get(f"jobqueue.{cluster}", default={}).get("scheduler-options") or {}
    with kind(
        job_cls=Submitted,
        scheduler_options={"dashboard_address": ":0", **options},
        **_job(cluster, resources),
    ) as made:
        made.scale(jobs=jobs)
        yield made, none_was_taken


def _job(cluster: str, resources: Mapping[str, float]) -> dict[str, Any]:
    """Options of a job, beside those that Dask's configuration gives."""
    options = dask.config.get(f"jobqueue.{cluster}", default={})
    given = ",".join(f"{name}={amount:g}" for name, amount in resources.items())
    # Dask would split a job into many processes of few threads.
    processes = int(options.get("processes") or 1)
    threads = max(1, int(options.get("cores") or 1) // processes)
    exports = [f"export {name}={threads}" for name in THREADS]
    return {
        "processes": processes,
        "worker_extra_args": [*(options.get("worker-extra-args") or ()), "--resources", given],
        "job_script_prologue": [*(options.get("job-script-prologue") or ()), *exports],
    }


def _check_options(cluster: str) -> None:
    """Of a job alone: a cluster that cannot be made is never closed."""
    job = getattr(dask_jobqueue, QUEUES[cluster]).job_cls
    try:
        job(scheduler="tcp://127.0.0.1:0", name="checked", **_job(cluster, {}))
    except ValueError as error:
        raise refused(
            f"{error}: say it in ~/.config/dask/jobqueue.yaml, under jobqueue: {cluster}: (cores, "
            "memory, walltime, queue)"
        ) from error

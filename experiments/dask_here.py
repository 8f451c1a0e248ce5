"""A Dask cluster of this machine, whose workers may die at any moment.

Imports Dask, which a run without `--cluster` does without.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import dask
from distributed import LocalCluster, Nanny
from distributed.core import Status

from experiments.surroundings import THREADS, threads_each

# A scheduler without a dashboard listens for HTTP all the same; a fixed port is taken where another
# run on this machine has it.
ANY_PORT = {"dashboard_address": "127.0.0.1:0"}
# Dask gives a worker up that is not back within 15 seconds, and a busy machine takes longer.
SETTINGS = {"distributed.deploy.lost-worker-timeout": "1 hour"}
# Within which its workers end; one that is just starting is waited for.
CLOSE = 60.0
_OVER = (Status.closing, Status.closed, Status.failed)


class OneStartNanny(Nanny):
    """Starts its worker again only when it no longer waits for the one that died.

    Dask's nanny looks twenty times a second whether its worker is up. If the worker dies before
    the next look, it waits for the dead one and for its successor at once, and the first takes the
    message that is for the second: the successor counts as starting for ever, and the cluster never
    closes.
    """

    def __init__(self, *words: Any, **options: Any) -> None:
        super().__init__(*words, **options)
        self._one_start = asyncio.Lock()

    async def instantiate(self) -> Status:
        """Starts the worker, unless this nanny was closed while it waited to."""
        async with self._one_start:
            return self.status if self.status in _OVER else await super().instantiate()

    @property
    def gone(self) -> bool:
        """Whether there is no worker, and will be none: its process could not be started."""
        return self.status in _OVER or (
            self.process is not None and self.process.status == Status.failed
        )


@contextmanager
def cluster_here(jobs: int, resources: Mapping[str, float]) -> Iterator[LocalCluster]:
    """A cluster that lives as long as the context.

    Args:
        jobs: Workers, a process each, which share out the threads.
        resources: Of Dask, what each worker has.
    """
    threads = threads_each(jobs)
    environment = {f"distributed.nanny.pre-spawn-environ.{name}": threads for name in THREADS}
    with dask.config.set(SETTINGS | environment):
        # Memory is the system's to share out, as in processes without Dask.
        made = LocalCluster(
            n_workers=jobs, threads_per_worker=1, worker_class=OneStartNanny,
            dashboard_address=None, memory_limit=None, resources=resources,
            scheduler_kwargs=ANY_PORT,
        )  # fmt: skip
        try:
            yield made
        finally:
            _close(made)


def _close(cluster: LocalCluster) -> None:
    """Ends it. All results are here by now: none is lost to a worker that does not end."""
    try:
        cluster.close(timeout=CLOSE)
    except TimeoutError:
        print(
            f"--cluster local: workers did not end within {CLOSE:g} s; they end with this process",
            file=sys.stderr,
        )
        # Else it would be waited for again when Python ends.
        cluster.status = Status.closed


def all_gone(cluster: LocalCluster) -> bool:
    """Whether no worker is left and none will be: the system gave no process, or no memory."""
    return all(nanny.gone for nanny in cluster.workers.values())

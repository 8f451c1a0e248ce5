"""What clusters there are, and a word on the console where one has no workers."""

from __future__ import annotations

import sys

from data_modules.problems import BadInput, Problem

# Addresses of a scheduler that others started.
HOSTED = ("tcp://", "tls://")
# Queues whose workers are jobs: name of the class in dask_jobqueue.
QUEUES = {"slurm": "SLURMCluster", "pbs": "PBSCluster"}
# Seconds without a worker after which it is said.
PATIENCE = 30.0


class Watch:
    """Says when no worker is left, and when one is there again.

    A queue may take hours to begin a job, and whoever hosts a scheduler may start workers anew: it
    is waited for, but not without a word.

    Args:
        cluster: Whose workers they are.
    """

    def __init__(self, cluster: str) -> None:
        self.cluster = cluster
        self.since: float | None = None
        self.told = False

    def look(self, workers: int, now: float) -> None:
        """Looks at the number of workers, at a time in seconds."""
        if workers:
            if self.told:
                print(f"--cluster {self.cluster}: {workers} workers are there", file=sys.stderr)
            self.since, self.told = None, False
            return
        self.since = now if self.since is None else self.since
        if self.told or now - self.since < PATIENCE:
            return
        self.told = True
        if self.cluster.startswith(HOSTED):
            start = f"start some with `dask worker {self.cluster} --nthreads 1`"
        elif self.cluster == "local":
            start = "they died, and are started again"
        else:
            start = "its jobs may still stand in the queue"
        print(
            f"--cluster {self.cluster}: no worker since {now - self.since:.0f} s; waiting for one: "
            f"{start}. What is done is kept: stop with Ctrl-C, and go on later (a run: --resume)",
            file=sys.stderr,
        )

    def leave(self, tasks: int) -> None:
        """Says that tasks go on, where nobody can stop them from here."""
        if tasks and self.cluster.startswith(HOSTED):
            print(
                f"--cluster {self.cluster}: its workers go on with what was under way (tasks: "
                f"{tasks}); what is resumed waits for them",
                file=sys.stderr,
            )


def refused(message: str) -> BadInput:
    """What is wrong with --cluster.

    Example:
        >>> print(refused("no"))
        1 problem with the input:
          --cluster: no
    """
    return BadInput([Problem("--cluster", None, None, message)])

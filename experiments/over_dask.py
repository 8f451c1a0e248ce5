"""Tasks over many machines, through a Dask scheduler."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from importlib import import_module
from queue import Empty, Queue
from typing import Any

from experiments.attempts import LostClusterError, LostTask, attempt, outcome
from experiments.cluster_watch import HOSTED, QUEUES, Watch, refused
from experiments.surroundings import begin_plainly

# Seconds within which a scheduler must answer, and have a worker.
TIMEOUT = 10.0
# Between looks at whether workers have come or gone.
SECONDS = 2.0
# Of which every worker that is started here has one: a task at a time, whatever its threads.
PLACE = "place"
GONE = "its worker died, and the system could start no other: see above what Dask says of it"

_one_at_a_time = threading.Lock()


def check_address(cluster: str) -> None:
    """Refuses what is no cluster, before anything is started.

    Raises:
        BadInput: The address is unknown, or a library is not installed.

    Example:
        >>> check_address("yarn")
        Traceback (most recent call last):
        data_modules.problems.BadInput: 1 problem with the input:
          --cluster: 'yarn' is no cluster: local, slurm, pbs, or tcp://host:port of a scheduler
    """
    if cluster not in ("local", *QUEUES) and not cluster.startswith(HOSTED):
        named = f"local, {', '.join(QUEUES)}, or tcp://host:port of a scheduler"
        raise refused(f"{cluster!r} is no cluster: {named}")
    for library in ("distributed", *(("dask_jobqueue",) if cluster in QUEUES else ())):
        try:
            import_module(library)
        except ImportError as error:
            message = f"{library} is not installed: pip install 'mmsurv[cluster]'"
            raise refused(message) from error


def check_cluster(cluster: str, needs: Mapping[str, float]) -> None:
    """Refuses what is no cluster, or cannot be one.

    A scheduler that is there already is asked for its workers, and a queue for its commands and
    the options of its jobs.

    Raises:
        BadInput: As `over_dask`.
    """
    check_address(cluster)
    if cluster.startswith(HOSTED):
        with ExitStack() as stack:
            _check_workers(_client(cluster, stack), cluster, needs)
    elif cluster in QUEUES:
        from experiments.dask_jobs import check_queue

        check_queue(cluster)


def over_dask(
    work: Callable[[Any], Any],
    tasks: Sequence[Any],
    cluster: str,
    *,
    jobs: int,
    retries: int,
    needs: Mapping[str, float],
) -> Generator[tuple[int, Any], None, None]:
    """See `experiments.fan_out.fan_out`.

    Raises:
        BadInput: There is no such cluster, it does not answer, or no worker has what tasks need.
        LostClusterError: It answers no more.
    """
    check_address(cluster)
    hosted = cluster.startswith(HOSTED)
    with ExitStack() as stack:
        gone = _never
        if hosted:
            client = _client(cluster, stack)
            _check_workers(client, cluster, needs)
        else:
            started, gone = stack.enter_context(_started(cluster, jobs, retries, needs))
            client = _client(started, stack)
        wanted = {**needs, **({} if hosted else {PLACE: 1})}
        try:
            yield from _fed(client, work, tasks, wanted, Watch(cluster), gone)
        except OSError as error:
            raise LostClusterError(f"the scheduler of {cluster} is lost: {error}") from error


def _never() -> bool:
    """Workers that others start may always come back."""
    return False


def _fed(
    client: Any,
    work: Callable[[Any], Any],
    tasks: Sequence[Any],
    wanted: Mapping[str, float],
    watch: Watch,
    gone: Callable[[], bool],
) -> Iterator[tuple[int, Any]]:
    """Hands out one task a worker, until all are done or the workers gone for good.

    Dask would spread all of them at once, and count the death of a worker against every task that
    waits for it.
    """
    done: Queue[Any] = Queue()
    waiting = deque(enumerate(tasks))
    under_way: dict[Any, int] = {}
    try:
        while waiting or under_way:
            workers = len(client.nthreads())
            watch.look(workers, time.monotonic())
            places = max(1, workers)
            while waiting and len(under_way) < places:
                index, task = waiting.popleft()
                future = client.submit(alone, work, task, pure=False, resources=wanted)
                under_way[future] = index
                future.add_done_callback(done.put)
            try:
                future = done.get(timeout=SECONDS)
            except Empty:
                if gone():
                    left = sorted([*under_way.values(), *(index for index, _ in waiting)])
                    yield from ((index, LostTask(GONE)) for index in left)
                    return
                continue
            answer = _answer(future)
            index = under_way.pop(future)
            # Otherwise the death of its worker would have it done again.
            future.release()
            yield index, answer
    finally:
        watch.leave(len(under_way))
        client.cancel(list(under_way))


def _answer(future: Any) -> Any:
    from distributed.client import FutureCancelledError
    from distributed.scheduler import KilledWorker

    try:
        return outcome(future.result())
    except KilledWorker as error:
        return LostTask(f"every worker that took this task died: {error}")
    except FutureCancelledError as error:
        # Nobody here has cancelled it.
        raise ConnectionError(str(error)) from error
    except Exception as error:
        return error


def alone(work: Callable[[Any], Any], task: Any) -> bytes:
    """One task at a time in a process: seeds and threads are the whole process's."""
    with _one_at_a_time:
        begin_plainly()
        return attempt(work, task)


def worker_number() -> int | None:
    """Number of the Dask worker that this is called in, where it was started here."""
    from distributed import get_worker

    try:
        name = get_worker().name
    except ValueError:
        return None
    return name if isinstance(name, int) else None


def _client(cluster: Any, stack: ExitStack) -> Any:
    from distributed import Client

    try:
        return stack.enter_context(Client(cluster, timeout=TIMEOUT, set_as_default=False))
    except (OSError, ValueError) as error:
        raise refused(
            f"no scheduler answers at {cluster} within {TIMEOUT:g} s ({error}): start one with "
            "`dask scheduler`, and workers with `dask worker`"
        ) from error


def _check_workers(client: Any, address: str, needs: Mapping[str, float]) -> None:
    """Tasks that no worker can take would wait for ever, without a word."""
    given = ",".join(f"{name}={amount:g}" for name, amount in needs.items())
    command = f"dask worker {address} --nthreads 1" + (f' --resources "{given}"' if given else "")
    try:
        client.wait_for_workers(1, timeout=TIMEOUT)
    except TimeoutError as error:
        raise refused(f"the scheduler has no workers: start some with `{command}`") from error
    workers = client.scheduler_info(n_workers=-1)["workers"].values()
    able = [
        all(worker["resources"].get(name, 0) >= amount for name, amount in needs.items())
        for worker in workers
    ]
    if not any(able):
        raise refused(
            f"none of the {len(able)} workers has {given}: start some with `{command}`, or change "
            "--resources"
        )
    try:
        client.run(_known)
    except Exception as error:
        raise refused(
            f"the workers cannot import mmsurv ({error}): install the same version where they run"
        ) from error


def _known() -> None:
    """Runs on a worker if the project is installed there."""


@contextmanager
def _started(
    cluster: str, jobs: int, retries: int, needs: Mapping[str, float]
) -> Iterator[tuple[Any, Callable[[], bool]]]:
    """A cluster that lives as long as the tasks, and whether its workers are gone for good."""
    import dask

    settings: dict[str, Any] = {"distributed.scheduler.allowed-failures": retries}
    if cluster == "local":
        from experiments.dask_here import all_gone, cluster_here

        with dask.config.set(settings), cluster_here(jobs, {**needs, PLACE: 1}) as made:
            yield made, partial(all_gone, made)
        return
    from experiments.dask_jobs import cluster_of_jobs

    with dask.config.set(settings), cluster_of_jobs(cluster, jobs, {**needs, PLACE: 1}) as found:
        yield found

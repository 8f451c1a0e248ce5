"""Tasks in processes of their own on this machine.

Not concurrent.futures: when one of its processes dies, all tasks under way are lost and nobody
knows whose fault it was. Here every process is watched alone, and replaced.
"""

from __future__ import annotations

import os
import pickle
import signal
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import suppress
from multiprocessing import connection, parent_process
from typing import Any

from experiments.attempts import LostTask, attempt, outcome, packed_error
from experiments.forking import start_method
from experiments.surroundings import begin_plainly, thread_variables, threads_each, variables

# Number of a worker, from 0, in its environment.
WORKER = "MMSURV_WORKER"
# Between looks at whether a process has died without its connection being closed.
SECONDS = 1.0
STOP = b""


class Worker:
    """A process that does one task after the other.

    Args:
        number: From 0; the place that a replacement takes.
        packed: The pickled work.
        threads: That the process may use.

    Attributes:
        index: Of the task under way; None where it has none.
    """

    def __init__(self, number: int, packed: bytes, threads: int) -> None:
        self.number = number
        self.index: int | None = None
        # Never a fork of this process: its threads and GPUs would not survive it.
        context = start_method(threads)
        self.connection, theirs = context.Pipe()
        with variables({**thread_variables(threads), WORKER: str(number)}):
            self.process = context.Process(
                target=serve, args=(theirs, packed, dict(os.environ)), name=f"worker {number}"
            )
            self.process.start()
        theirs.close()

    def hand(self, index: int, task: bytes) -> None:
        """Gives the process its next task; that it has died is found when it is waited for."""
        self.index = index
        with suppress(OSError):
            self.connection.send_bytes(task)

    def answer(self) -> bytes | None:
        """What the process sent; None when it died instead."""
        try:
            # One that is dead may have answered before; nothing more will come.
            return self.connection.recv_bytes() if self.connection.poll() else None
        except (EOFError, OSError):
            return None

    def ask_to_stop(self) -> None:
        """The process ends when it is idle."""
        with suppress(OSError):
            self.connection.send_bytes(STOP)


def in_processes(
    work: Callable[[Any], Any], tasks: Sequence[Any], *, jobs: int, retries: int
) -> Generator[tuple[int, Any], None, None]:
    """See `experiments.fan_out.fan_out`.

    Raises:
        pickle.PicklingError: The work cannot be sent to another process.
    """
    packed = pickle.dumps(work)
    # Also where fewer tasks are left: workers begin by a template with so many.
    threads = threads_each(jobs)
    jobs = min(jobs, len(tasks))
    waiting = deque(range(len(tasks)))
    lost: Counter[int] = Counter()
    workers: list[Worker] = []
    at_once = True
    try:
        workers += [Worker(number, packed, threads) for number in range(jobs)]
        while waiting or any(worker.index is not None for worker in workers):
            for worker in workers:
                while worker.index is None and waiting:
                    index = waiting.popleft()
                    try:
                        worker.hand(index, pickle.dumps(tasks[index]))
                    except Exception as error:
                        yield index, error
            for index, worker in _settled(workers):
                worker.index = None
                answer = worker.answer()
                if answer is not None:
                    yield index, outcome(answer)
                    continue
                _stop([worker], at_once=True)
                code = worker.process.exitcode
                workers[worker.number] = Worker(worker.number, packed, threads)
                lost[index] += 1
                if lost[index] > retries:
                    yield index, LostTask(f"{_death(code)}, {lost[index]} times with this task")
                else:
                    waiting.appendleft(index)
        at_once = False
    finally:
        _stop(workers, at_once=at_once)


def serve(theirs: connection.Connection, packed: bytes, environment: Mapping[str, str]) -> None:
    """What a worker does until it is told to stop or its parent has gone."""
    # A fork has the environment that its template began with.
    os.environ.clear()
    os.environ.update(environment)
    # Ctrl-C reaches every process of a terminal: the parent is who decides.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    begin_plainly()
    work: Callable[[Any], Any] | None = None
    while True:
        try:
            task = theirs.recv_bytes()
        except EOFError:
            return
        if task == STOP:
            return
        try:
            work = work or pickle.loads(packed)
            answer = attempt(work, pickle.loads(task))
        except Exception as error:
            answer = packed_error(error)
        theirs.send_bytes(answer)


def _end_with_parent() -> None:
    """A parent that was killed cannot stop its workers."""
    parent = parent_process()
    if parent is not None:
        connection.wait([parent.sentinel])
        os._exit(1)


def _stop(workers: Sequence[Worker], *, at_once: bool) -> None:
    """Ends processes: when they are idle, or as they are; all are waited for together."""
    if not at_once:
        for worker in workers:
            worker.ask_to_stop()
        _join(workers, 10)
    for end in ("terminate", "kill"):
        left = [worker for worker in workers if worker.process.is_alive()]
        for worker in left:
            getattr(worker.process, end)()
        _join(left, 5)
    for worker in workers:
        worker.connection.close()


def _join(workers: Sequence[Worker], seconds: float) -> None:
    until = time.monotonic() + seconds
    for worker in workers:
        worker.process.join(max(0.0, until - time.monotonic()))


def _settled(workers: Sequence[Worker]) -> list[tuple[int, Worker]]:
    """Workers that have answered or died, with their tasks; waits for the first."""
    busy = [(worker.index, worker) for worker in workers if worker.index is not None]
    while busy:
        ready = connection.wait([worker.connection for _, worker in busy], timeout=SECONDS)
        # A child of a worker may hold the connection open when the worker is dead.
        found = [
            (index, worker)
            for index, worker in busy
            if worker.connection in ready or worker.process.exitcode is not None
        ]
        if found:
            return found
    return []


def _death(code: int | None) -> str:
    """How a process ended, in words."""
    if code is None or code >= 0:
        return f"the process ended with exit code {code}"
    name = signal.Signals(-code).name
    memory = ", perhaps because the machine ran out of memory" if name == "SIGKILL" else ""
    return f"the process was ended by {name}{memory}"

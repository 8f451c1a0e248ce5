"""Jobs done beside the training, which never waits for them and never fails with them."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable

Say = Callable[[str], None]


class Aside:
    """Does jobs one after the other in a thread of its own.

    What fails is told once and costs nothing else: logging must not end a run.

    Args:
        name: Of what the jobs are for, in what is told.
        say: Prints a line.
        beside: Another line of jobs for the same; of the failures of both, the first is told.

    Attributes:
        failures: What went wrong, a line each.
        busy: Seconds that the jobs computed.

    Example:
        >>> told = []
        >>> aside = Aside("server", told.append)
        >>> aside.do("numbers", lambda: 1 / 0)
        >>> aside.close(seconds=5), told
        (True, ['server: numbers: division by zero; the run goes on'])
    """

    def __init__(self, name: str, say: Say, beside: Aside | None = None) -> None:
        self.name = name
        self.say = say
        self.failures: list[str] = beside.failures if beside else []
        self.busy = 0.0
        self._broken = False
        self._jobs: queue.SimpleQueue[tuple[str, Callable[[], object], bool] | None]
        self._jobs = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._work, name=f"{name} log", daemon=True)
        self._thread.start()

    def do(self, what: str, call: Callable[[], object], *, vital: bool = False) -> None:
        """Puts a job in line and returns at once.

        Args:
            what: Named where the job fails.
            call: The job.
            vital: Where it fails, the jobs behind it are not tried.
        """
        self._jobs.put((what, call, vital))

    def close(self, seconds: float) -> bool:
        """Waits for the jobs in line, at most so long.

        Returns:
            Whether all were done or given up; otherwise one still hangs.
        """
        self._jobs.put(None)
        self._thread.join(seconds)
        if self._thread.is_alive():
            self._broken = True
            self.fail(f"no answer within {seconds:g} s")
            return False
        return True

    def fail(self, line: str) -> None:
        """Notes what went wrong; only the first is told, the others tend to follow from it."""
        if not self.failures:
            self.say(f"{self.name}: {line}; the run goes on")
        self.failures.append(line)

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            what, call, vital = job
            if self._broken:
                continue
            try:
                call()
            except Exception as error:
                self.fail(f"{what}: {str(error).strip() or type(error).__name__}")
                self._broken = vital
            self.busy = time.thread_time()

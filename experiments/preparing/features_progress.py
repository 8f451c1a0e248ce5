"""What a person sees while slides become features."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn

from data_modules.wsi.extract import Extracted
from data_modules.wsi.recipe import SlideTask
from data_modules.wsi.rows import Kept, kept_rows, rows_of

# Between looks at how far the slides under way are.
SECONDS = 1.0


class SlideProgress:
    """Slides, tiles a second and time left; how far a slide is, its rows on the disk say.

    So it is the same whether slides are done here, in other processes or on other machines.

    Args:
        console: Where to print.
        tasks: All slides; the size of a file stands for its work until its tiles are counted.
    """

    def __init__(self, console: Console, tasks: Sequence[SlideTask]) -> None:
        self.console = console
        self.sizes = {task.name: task.path.stat().st_size for task in tasks}
        self.rows = {task.name: rows_of(task.target) for task in tasks}
        self.before: dict[str, int] = {}
        self.tiles = 0
        self.finished = 0
        self.todo = float(sum(self.sizes.values()))
        self.done = 0.0
        self.begun = time.monotonic()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self.progress = Progress(
            SpinnerColumn(), TextColumn("{task.description}"), BarColumn(),
            console=console, disable=not console.is_terminal,
        )  # fmt: skip
        self.line = self.progress.add_task(self._text(0.0, 0), total=1.0)

    def __enter__(self) -> SlideProgress:
        # What an earlier run computed is no speed of this one.
        self.before = {name: kept.rows for name, kept in self._under_way().items()}
        self.progress.start()
        if self.console.is_terminal:
            self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()
        self.progress.stop()

    def finish(self, task: SlideTask, result: Extracted | Exception) -> None:
        """One line a slide, and the bar moves."""
        self.finished += 1
        size = self.sizes[task.name]
        if isinstance(result, Extracted) and result.computed:
            self.done += size * result.computed / result.tiles
            self.todo -= size * (1 - result.computed / result.tiles)
            self.tiles += result.computed
        else:
            self.todo -= size
        head = f"{self.finished}/{len(self.sizes)} {task.name}"
        self.console.print(f"{head}: {_told(result)}{self._left()}", markup=False, highlight=False)
        self._show()

    def _left(self) -> str:
        seconds = self._seconds_left(self.done)
        if seconds is None or self.finished == len(self.sizes):
            return ""
        return f"; about {duration(seconds)} left"

    def _seconds_left(self, done: float) -> float | None:
        elapsed = time.monotonic() - self.begun
        return elapsed * max(self.todo - done, 0) / done if done else None

    def _watch(self) -> None:
        while not self._stop.wait(SECONDS):
            self._show()

    def _show(self) -> None:
        running = self._under_way()
        done, tiles = self.done, self.tiles
        for name, kept in running.items():
            new = max(0, kept.rows - self.before.get(name, 0))
            done += self.sizes[name] * new / max(1, int(kept.about["count"]))
            tiles += new
        text = self._text(done, tiles)
        self.progress.update(self.line, description=text, completed=done / max(self.todo, 1.0))

    def _text(self, done: float, tiles: int) -> str:
        rate = tiles / max(time.monotonic() - self.begun, 1e-9)
        seconds = self._seconds_left(done)
        left = "" if seconds is None else f", {duration(seconds)} left"
        return f"slide {self.finished}/{len(self.sizes)}, {tiles} tiles, {rate:.1f} tiles/s{left}"

    def _under_way(self) -> dict[str, Kept]:
        found = {name: kept_rows(path) for name, path in self.rows.items()}
        return {name: kept for name, kept in found.items() if kept is not None}


def duration(seconds: float) -> str:
    """In two units at most.

    Example:
        >>> duration(8), duration(125), duration(3600 * 5 + 60), duration(3600 * 50)
        ('8 s', '2 min', '5 h 1 min', '2 d 2 h')
    """
    minutes, hours = round(seconds / 60), seconds / 3600
    if seconds < 60:
        return f"{seconds:.0f} s"
    if minutes < 60:
        return f"{minutes} min"
    if hours < 24:
        return f"{minutes // 60} h {minutes % 60} min"
    return f"{int(hours // 24)} d {int(hours % 24)} h"


def _told(result: Extracted | Exception) -> str:
    if isinstance(result, Exception):
        return f"refused: {reason(result)}"
    if result.outcome == "was there":
        return f"{result.tiles} tiles, there already"
    rate = result.computed / max(result.seconds, 1e-9)
    notes = f" ({'; '.join(result.notes)})" if result.notes else ""
    return f"{result.tiles} tiles in {duration(result.seconds)}, {rate:.1f} tiles/s{notes}"


def reason(error: Exception) -> str:
    """Why a slide was not done, in a line."""
    from data_modules.problems import BadInput

    if isinstance(error, BadInput):
        told = "; ".join(problem.message for problem in error.problems)
    else:
        told = f"{type(error).__name__}: {error}"
    return " ".join(told.split())


def overviews(folder: Path) -> Path:
    """Where the pictures of a folder of features lie."""
    return folder / "overviews"

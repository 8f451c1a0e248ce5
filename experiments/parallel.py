"""Cells in this process, in several, or on several machines: the same bytes."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from pathlib import Path
from typing import cast

from rich.console import Console

from data_modules.problems import BadInput
from experiments.cells import Cell, run_cell, work
from experiments.context import RunContext
from experiments.fan_out import fan_out
from experiments.locking import is_full_disk
from experiments.loggers import ExperimentLog
from experiments.memory_full import MemoryFullError


def one_by_one(
    cells: Sequence[Cell],
    context: RunContext,
    log: ExperimentLog,
    console: Console,
    done: Callable[[Cell], None],
) -> None:
    """Does what is not done, in this process; the first failure ends it.

    Args:
        cells: In order.
        context: The run.
        log: Where curves go.
        console: Where to print.
        done: Told of every cell as it ends, or was done before.
    """
    for cell in cells:
        if cell.mark.is_file():
            console.print(f"{cell.name}: done before")
        else:
            run_cell(cell, context, log, console)
        done(cell)


def side_by_side(
    cells: Sequence[Cell],
    *,
    jobs: int,
    cluster: str,
    console: Console,
    done: Callable[[Cell], None],
    study: Path | None = None,
) -> None:
    """Does what is not done, in other processes; all others are finished before a failure is told.

    Args:
        cells: Their configurations must hold absolute paths.
        jobs: See `experiments.fan_out`.
        cluster: Likewise.
        console: Where to print.
        done: Told of every cell as it ends, in any order; of those done before, first.
        study: The folder that holds the run folders, where there are several.

    Raises:
        MemoryFullError: Cells failed, all for want of memory.
        BadInput: Cells failed, all for what only another machine could see.
        OSError: Cells failed, all because the disk is full.
        RuntimeError: Cells failed; what they left is taken up by --resume.
    """

    def run_name(cell: Cell) -> str:
        return f"{cell.folder.relative_to(study.resolve()).as_posix()}: " if study else ""

    missing = [cell for cell in cells if not cell.mark.is_file()]
    for cell in cells:
        if cell not in missing:
            console.print(f"{run_name(cell)}{cell.name}: done before")
            done(cell)
    if not missing:
        return
    failed: list[Exception] = []
    outcomes = cast(
        Generator[tuple[int, str | Exception]], fan_out(work, missing, jobs=jobs, cluster=cluster)
    )
    # Closed whatever happens here: it ends what is under way.
    with closing(outcomes), console.status(_progress(0, missing, jobs, cluster)) as status:
        for finished, (index, result) in enumerate(outcomes, start=1):
            status.update(_progress(finished, missing, jobs, cluster))
            cell = missing[index]
            if isinstance(result, Exception):
                failed.append(result)
                kind = type(result).__name__
                console.print(f"{run_name(cell)}{cell.name}: failed, {kind}: {result}")
                continue
            for line in result.splitlines():
                console.print(f"{run_name(cell)}{line}")
            done(cell)
    if failed and all(isinstance(error, MemoryFullError) for error in failed):
        others = f"; {len(failed)} of {len(cells)} cells lacked memory, the others are done"
        raise MemoryFullError(f"{failed[0]}, or take fewer --jobs{others}") from failed[0]
    if failed and (
        all(is_full_disk(error) for error in failed)
        or all(isinstance(error, BadInput) for error in failed)
    ):
        raise failed[0]
    if failed:
        raise RuntimeError(
            f"{len(failed)} of {len(cells)} cells failed, the others are done: mend and --resume"
        ) from failed[0]


def _progress(finished: int, cells: Sequence[Cell], jobs: int, cluster: str) -> str:
    where = f"on {cluster}" if cluster else f"in {jobs} processes"
    return f"{finished} of {len(cells)} cells done, {where}"

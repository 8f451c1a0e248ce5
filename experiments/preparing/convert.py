"""`prepare convert FOLDER --out OUT`: feature files of any tool into the layout that reads fastest.

The source is only read. What is in OUT already is not written again, so that a conversion that was
stopped goes on; files that cannot be read are listed in OUT/quarantine.tsv, and the exit code is 2.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from rich.console import Console
from rich.progress import Progress

if TYPE_CHECKING:
    from data_modules.features.report import SlideReport

# Files that are read again at the end, to say what the conversion gained.
TIMED = 32
# Times that each of them is read; the fastest counts.
REPEATS = 3
QUARANTINE = "quarantine.tsv"


class Tally(NamedTuple):
    """What became of the files.

    Attributes:
        written: Reports of source and target, of files that were written.
        there: Likewise, of files that were there already.
        refused: Files that could not be read, with the reason.
    """

    written: list[tuple[SlideReport, SlideReport]]
    there: list[tuple[SlideReport, SlideReport]]
    refused: list[tuple[Path, str]]


def add_flags(parser: argparse.ArgumentParser) -> None:
    """The flags of the command."""
    parser.add_argument("folder", type=Path, help="feature files of any tool; only read")
    parser.add_argument("--out", type=Path, required=True, help="where the .h5 files are written")


def run(options: argparse.Namespace) -> int:
    """Converts a folder.

    Returns:
        0 when every file was converted, 2 when some could not be read.

    Raises:
        BadInput: The folders cannot be used, or the disk is full.
    """
    from data_modules.problems import BadInput, Problem

    console = Console()
    source, out = options.folder, options.out
    files = _files(source, out)
    try:
        out.mkdir(parents=True, exist_ok=True)
        with Progress(console=console, disable=not console.is_terminal) as progress:
            task = progress.add_task("converting", total=len(files))
            tally = _convert(files, source, out, lambda: progress.advance(task))
        _write_quarantine(out, tally.refused)
    except OSError as error:
        raise BadInput([Problem(str(out), None, None, f"cannot be written: {error}")]) from error
    _tell(console, tally, out)
    return 2 if tally.refused else 0


def _files(source: Path, out: Path) -> list[Path]:
    """Feature files of the source.

    Raises:
        BadInput: There are none, or OUT would touch them.
    """
    from data_modules.features.slides import feature_files
    from data_modules.problems import Problems

    problems = Problems()
    files: list[Path] = []
    if not source.is_dir():
        problems.add(source, "the folder of features does not exist")
    elif source.resolve() in (out.resolve(), *out.resolve().parents):
        problems.add(out, f"lies in {source}, which must stay as it is: choose another --out")
    elif out.exists() and not out.is_dir():
        problems.add(out, "is no folder: choose another --out")
    elif not (files := feature_files(source)):
        below = [d.name for d in sorted(source.iterdir()) if d.is_dir() and feature_files(d)]
        hint = f"; its folders {below} do" if below else ""
        problems.add(source, f"holds no feature files (.h5, .zarr, .safetensors, .pt){hint}")
    problems.raise_if_any()
    return files


def _convert(files: list[Path], source: Path, out: Path, advance: Callable[[], None]) -> Tally:
    """All files, one in memory at a time."""
    from collections import Counter

    from data_modules.features.convert import convert_file
    from data_modules.features.readers import Unreadable
    from data_modules.features.scan import ScanCache, cache_folder
    from data_modules.features.slides import slide_name

    sources, targets = (ScanCache(cache_folder(), folder) for folder in (source, out))
    counts = Counter(slide_name(path.name) for path in files)
    tally = Tally([], [], [])
    for path in files:
        name = slide_name(path.name)
        try:
            if counts[name] > 1:
                raise Unreadable(f"the slide {name} is stored under two endings: keep one of them")
            outcome, before, after = convert_file(path, out / f"{name}.h5", sources, targets)
            (tally.written if outcome == "written" else tally.there).append((before, after))
        except Unreadable as error:
            tally.refused.append((path, str(error)))
        advance()
    return tally


def _write_quarantine(out: Path, refused: list[tuple[Path, str]]) -> None:
    from data_modules.files import write_aside

    if not refused:
        (out / QUARANTINE).unlink(missing_ok=True)
        return
    lines = ["file\treason", *(f"{path}\t{' '.join(why.split())}" for path, why in refused)]
    with write_aside(out / QUARANTINE) as aside:
        aside.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _tell(console: Console, tally: Tally, out: Path) -> None:
    """What was done and gained, and what was refused."""
    done = [*tally.written, *tally.there]
    console.print(
        f"{len(tally.written)} files written, {len(tally.there)} were there already, "
        f"{len(tally.refused)} could not be read: {out}",
        soft_wrap=True,
    )
    if done:
        sizes = [sum(report.size for report in side) / 1e6 for side in zip(*done, strict=True)]
        console.print(f"size: {sizes[0]:.1f} MB before, {sizes[1]:.1f} MB after")
        some = done[:: -(-len(done) // TIMED)]
        times = [_milliseconds(list(side)) for side in zip(*some, strict=True)]
        console.print(
            f"reading one file: {times[0]:.2f} ms before, {times[1]:.2f} ms after "
            f"({times[0] / times[1]:.1f} times as fast; {len(some)} files that were read before)",
            soft_wrap=True,
        )
    for path, why in tally.refused:
        console.print(f"  {path}: {why}", soft_wrap=True, markup=False, highlight=False)
    if tally.refused:
        console.print(f"they are listed in {out / QUARANTINE}", soft_wrap=True)


def _milliseconds(reports: list[SlideReport]) -> float:
    """Mean time to read one of these files as a run reads it."""
    from data_modules.features.convert import as_slide
    from data_modules.features.store import read_slide

    total = 0.0
    for report in reports:
        slide = as_slide(report)
        times = []
        for _ in range(REPEATS):
            started = time.perf_counter()
            read_slide(slide)
            times.append(time.perf_counter() - started)
        total += min(times)
    return 1000 * total / len(reports)

"""Rewrites a feature file of any format into the layout that reads fastest, and loses nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from data_modules.features.readers import Unreadable, read_raw
from data_modules.features.report import SlideReport, inspect
from data_modules.features.scan import ScanCache
from data_modules.features.store import Slide
from data_modules.features.write import write_bag

Outcome = Literal["written", "was there"]


def convert_file(
    source: Path, target: Path, sources: ScanCache, targets: ScanCache
) -> tuple[Outcome, SlideReport, SlideReport]:
    """Writes the bag of one file as our contiguous h5, unless it is there already.

    Values keep their precision and coordinates their unit, so that the same manifest reads both.

    Args:
        source: Of any format; only read.
        target: The .h5 file; appears whole or not at all.
        sources: Remembers what was found in the folder of the source.
        targets: Likewise of the target.

    Returns:
        What was done, and what the source and the target hold.

    Raises:
        Unreadable: No bag can be read from the source.
        OSError: The target cannot be written.
    """
    before = _report(source, sources)
    if before.problem:
        raise Unreadable(before.problem)
    if before.coords_problem and not before.coords:
        raise Unreadable(before.coords_problem)
    if target.exists():
        there = _report(target, targets)
        if _equal(before, there):
            return "was there", before, there
    raw = read_raw(source)
    about: dict[str, str | int | float] = dict(before.provenance.attributes())
    if raw.coords is not None:
        about |= {"coords_unit": before.unit, "coords_factor": before.factor}
    features = raw.features[0] if raw.vector else raw.features
    write_bag(target, features, raw.coords, {**about, "converted_from": source.name})
    after = _report(target, targets)
    if not _equal(before, after):
        target.unlink()
        raise OSError(f"{target} does not read back as {source}: is the disk broken?")
    return "written", before, after


def as_slide(report: SlideReport) -> Slide:
    """To read a file as a run does, in the unit of its coordinates."""
    return Slide(
        report.path, report.features, report.coords, 1.0, 0, report.digest, report.provenance
    )


def _report(path: Path, cache: ScanCache) -> SlideReport:
    report = cache.get(path)
    if report is None:
        report = inspect(path)
        cache.add(report)
    return report


def _equal(one: SlideReport, other: SlideReport) -> bool:
    """Whether they hold the same bag, whatever their formats."""
    return not other.problem and all(
        getattr(one, name) == getattr(other, name)
        for name in ("digest", "vector", "unit", "factor")
        if not (one.coords is None and name in ("unit", "factor"))
    )

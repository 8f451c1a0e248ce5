"""From what a file holds to a slide that a run can use, or to what is wrong with it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Literal, NamedTuple

from data_modules.features.report import SlideReport
from data_modules.features.scan import cache_folder, scan
from data_modules.features.store import Slide
from data_modules.problems import Problems

IGNORE = "set `coords: ignore`, and no patch has a place"


class Rules(NamedTuple):
    """What the manifest says of the files of a folder.

    Attributes:
        width: Of the features; 0 where the files say it.
        coords: "" believes the files; "level0": where a file does not say, they are level-0 px;
            "ignore": all are 0.
        coords_mpp: µm per px of coordinates that count px of a level the file does not name.
        mpp: µm per px at level 0, of slides that have none of their own.
        encoders: Names that files may give their encoder; empty where they only have to agree.
    """

    width: int = 0
    coords: Literal["", "level0", "ignore"] = ""
    coords_mpp: float = 0.0
    mpp: float = 0.0
    encoders: tuple[str, ...] = ()


def check_slide(path: Path, rules: Rules, problems: Problems) -> Slide | None:
    """Reads a file through, unless it was before, and holds it against the rules.

    Args:
        path: Of any format.
        rules: Of the manifest.
        problems: An unreadable file, another width, coordinates that cannot be brought to level 0
            and values that are not finite go here.
    """
    (report,) = scan([path], cache_folder())
    return judge(report, rules, problems)


def judge(report: SlideReport, rules: Rules, problems: Problems) -> Slide | None:
    """A slide to read from, or None where a problem was added."""
    path, before = report.path, len(problems.found)
    if report.problem:
        problems.add(path, report.problem)
        return None
    if rules.width and report.width != rules.width:
        problems.add(
            path, f"features are {report.width} wide, the manifest declares width {rules.width}"
        )
    if report.first_bad is not None:
        row, column, value = report.first_bad
        problems.add(
            path,
            f"{value} at patch {row}, feature {column} ({report.nan + report.infinite} values "
            "are NaN or infinite): extract the slide again",
        )
    scale = _scale(report, rules, problems)
    if len(problems.found) > before:
        return None
    return Slide(
        path,
        report.features,
        report.coords if scale else None,
        scale,
        0 if path.is_dir() else report.size,
        report.digest if scale else report.features_digest,
        report.provenance,
    )


def _scale(report: SlideReport, rules: Rules, problems: Problems) -> float:
    """What brings the file's coordinates to level-0 px; 0 where there are to be none."""
    if rules.coords == "ignore" or report.vector:
        return 0.0
    problem = report.coords_problem
    if not problem and report.coords is None:
        problem = f"has no coordinates: {IGNORE}"
    if problem:
        problems.add(report.path, problem)
        return 0.0
    if report.unit == "level0" or (report.unit == "unknown" and rules.coords == "level0"):
        return report.factor
    mpp = _mpp(report, rules, problems)
    unit = report.factor if report.unit == "um" else rules.coords_mpp
    if unit and mpp:
        return unit / mpp
    lacking = [
        name
        for name, value in (
            ("`coords_mpp`, the µm per px that the coordinates count", unit),
            ("`mpp`, the µm per px at level 0 (or a column: `slides: {mpp: …}`)", mpp),
        )
        if not value
    ]
    counted = "µm" if report.unit == "um" else "pixels of a level that the file does not name"
    alone = "" if report.unit == "um" else "set `coords: level0` if they are level-0 px; "
    problems.add(
        report.path,
        f"coords are in {counted}: {alone}give {' and '.join(lacking)}; or {IGNORE}",
    )
    return 0.0


def _mpp(report: SlideReport, rules: Rules, problems: Problems) -> float:
    """Of level 0: what the file says, which the manifest must not contradict."""
    said = report.provenance.mpp
    if said and rules.mpp and abs(said / rules.mpp - 1) > 0.01:
        problems.add(
            report.path, f"the file says mpp {said:g}, the manifest {rules.mpp:g}: correct one"
        )
    return said or rules.mpp


def common_width(reports: Sequence[SlideReport], problems: Problems) -> int:
    """The width that the files agree on; a file that does not is a problem."""
    widths = Counter(report.width for report in reports if not report.problem)
    if not widths:
        return 0
    (width, count), *_ = widths.most_common()
    for report in reports:
        if not report.problem and report.width != width:
            problems.add(
                report.path,
                f"features are {report.width} wide, those of {count} other files {width}: one "
                "folder holds the features of one encoder",
            )
    return width


def check_encoders(
    reports: Sequence[SlideReport], names: Sequence[str], folder: Path, problems: Problems
) -> None:
    """Features of unlike encoders have nothing to do with one another."""
    found = Counter(
        report.provenance.encoder
        for report in reports
        if not report.problem and report.provenance.encoder
    )
    if names:
        for name in sorted(set(found) - set(names)):
            problems.add(
                folder, f"{found[name]} files are of encoder {name!r}, `encoders` has {list(names)}"
            )
    elif len(found) > 1:
        listed = ", ".join(f"{name!r} ({count} files)" for name, count in sorted(found.items()))
        problems.add(
            folder,
            f"holds features of unlike encoders: {listed}. Keep a folder an encoder; if these are "
            "names of one, list them as `encoders`",
        )

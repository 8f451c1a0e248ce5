"""What one look at a feature file finds out, so that nobody has to look again."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from data_modules.features.provenance import Provenance
from data_modules.features.readers import Place, Raw, Unit, Unreadable, read_raw
from data_modules.features.store import hash_values

Array = np.ndarray

NOWHERE = Place("", None, (0, 0), "")
UNTOLD = Provenance()


@dataclass(frozen=True)
class SlideReport:
    """A feature file, read through once.

    Attributes:
        path: Of the file.
        size: Bytes.
        mtime_ns: When it was last changed; of a folder, its youngest file.
        problem: Why no bag can be read from it, and the way out; "" where one can. Nothing below
            is known then.
        layout: Whose, and in which format, such as "TRIDENT h5".
        features: Where they lie, (n, d).
        coords: Where they lie; None where there are none, or where they are wrong.
        unit: Of the coordinates.
        factor: Coordinates times this are in the unit.
        coords_problem: What is wrong with the coordinates, unless they are ignored.
        vector: The features are of the whole slide and need no place.
        digest: Hash of the features and coordinates.
        features_digest: Hash of the features alone: equal in two slides that are one.
        nan: Features that are NaN.
        infinite: Features that are infinite.
        first_bad: Patch and feature of the first of them, and its value.
        zero_patches: Patches whose features are all 0.
        provenance: What the file says of its making.
    """

    path: Path
    size: int
    mtime_ns: int
    problem: str = ""
    layout: str = ""
    features: Place = NOWHERE
    coords: Place | None = None
    unit: Unit = "level0"
    factor: float = 1.0
    coords_problem: str = ""
    vector: bool = False
    digest: str = ""
    features_digest: str = ""
    nan: int = 0
    infinite: int = 0
    first_bad: tuple[int, int, str] | None = None
    zero_patches: int = 0
    provenance: Provenance = UNTOLD

    @property
    def patches(self) -> int:
        """How many."""
        return self.features.shape[0]

    @property
    def width(self) -> int:
        """Length of a feature."""
        return self.features.shape[1]


def state(path: Path) -> tuple[int, int]:
    """Bytes and time of the last change; of a folder, of all that lies in it.

    Raises:
        OSError: There is no such file.
    """
    found = path.stat()
    if not path.is_dir():
        return found.st_size, found.st_mtime_ns
    size, youngest = 0, found.st_mtime_ns
    for folder, _, names in os.walk(path):
        for entry in (Path(folder), *(Path(folder) / name for name in names)):
            found = entry.stat()
            youngest = max(youngest, found.st_mtime_ns)
            size += found.st_size if entry.name in names and not entry.is_dir() else 0
    return size, youngest


def inspect(path: Path) -> SlideReport:
    """Reads a file through; whatever is wrong with it stands in the report."""
    try:
        size, mtime_ns = state(path)
    except OSError:
        return SlideReport(path, 0, 0, "the file does not exist")
    try:
        raw = read_raw(path)
        if state(path) != (size, mtime_ns):
            return SlideReport(path, size, mtime_ns, "the file changes while it is read")
    except (Unreadable, OSError) as error:
        return SlideReport(path, size, mtime_ns, str(error))
    return _report(path, size, mtime_ns, raw)


def duplicates(reports: Iterable[SlideReport]) -> list[tuple[SlideReport, ...]]:
    """Slides whose features are equal to the byte, together."""
    groups: dict[str, list[SlideReport]] = defaultdict(list)
    for report in reports:
        if not report.problem:
            groups[report.features_digest].append(report)
    return [tuple(group) for group in groups.values() if len(group) > 1]


def _report(path: Path, size: int, mtime_ns: int, raw: Raw) -> SlideReport:
    values, meaning = raw.features, raw.meaning
    finite = np.isfinite(values)
    first, nan, infinite = None, 0, 0
    if not finite.all():
        row, column = (int(i) for i in np.argwhere(~finite)[0])
        first = (row, column, str(values[row, column]))
        nan = int(np.isnan(values).sum())
        infinite = int(values.size - finite.sum()) - nan
    features_digest = hash_values(values)
    return SlideReport(
        path=path,
        size=size,
        mtime_ns=mtime_ns,
        layout=raw.layout,
        features=raw.places[0],
        coords=raw.places[1],
        unit=meaning.unit,
        factor=meaning.factor,
        coords_problem=raw.coords_problem or _wrong(raw.coords, meaning.unit),
        vector=raw.vector,
        digest=hash_values(raw.coords, features_digest),
        features_digest=features_digest,
        nan=nan,
        infinite=infinite,
        first_bad=first,
        zero_patches=_zeros(values),
        provenance=meaning.provenance,
    )


def _zeros(values: Array) -> int:
    # Some of the many NaNs there are make NumPy warn.
    with np.errstate(invalid="ignore"):
        return int((~values.any(axis=1)).sum())


def _wrong(coords: Array | None, unit: Unit) -> str:
    """What is wrong with coordinates of the right shape."""
    if coords is None:
        return ""
    if not np.isfinite(coords).all():
        return "coords are NaN or infinite: extract the slide again"
    if len(coords) and np.abs(coords.astype(np.float64)).max() >= 2**31:
        return "coords are larger than any slide: extract the slide again"
    if unit == "level0" and coords.dtype.kind == "f" and (coords != np.rint(coords)).any():
        return (
            "coords are no whole numbers, so that they are no level-0 px, and the file names no "
            "other unit: extract the slide again, or set `coords: ignore`"
        )
    return ""

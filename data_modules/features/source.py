"""From a feature entry of the manifest to a checked store of the patients who are in the cohort."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import pandas as pd

from data_modules.features.bag import FeatureStore
from data_modules.features.h5 import H5Store, check_slide, slide_name, slides_of
from data_modules.features.table import TableStore
from data_modules.genes import nearest
from data_modules.manifest import FeatureSource, Manifest
from data_modules.problems import Problems
from data_modules.sources import read_table, to_number


class H5Source:
    """Slide files by patient, not yet opened.

    Args:
        slides: Files of every patient that has any.
        width: Declared width.
        strangers: Names of files or patients that belong to nobody in the table.
    """

    def __init__(
        self, slides: dict[str, tuple[Path, ...]], width: int, strangers: Sequence[str]
    ) -> None:
        self.slides = slides
        self.width = width
        self.strangers = tuple(strangers)

    def patients(self) -> set[str]:
        """Patients of the table who have slides."""
        return set(self.slides)

    def load(self, patients: Iterable[str], problems: Problems) -> FeatureStore:
        """Checks every slide of these patients, one file in memory at a time."""
        checked = {
            patient: tuple(check_slide(path, self.width, problems) for path in self.slides[patient])
            for patient in patients
            if patient in self.slides
        }
        return H5Store(
            {p: tuple(s for s in slides if s is not None) for p, slides in checked.items()},
            self.width,
        )


class TableSource:
    """A table of slide-level features, read whole.

    Args:
        table: Index patient, columns features.
        strangers: Patients of the table who are not in the cohort's table.
    """

    def __init__(self, table: pd.DataFrame, strangers: Sequence[str]) -> None:
        self.table = table
        self.strangers = tuple(strangers)

    def patients(self) -> set[str]:
        """Patients with a row."""
        return set(self.table.index)

    def load(self, patients: Iterable[str], problems: Problems) -> FeatureStore:
        """The rows of these patients; they were checked when the table was read."""
        return TableStore(self.table.loc[[p for p in patients if p in self.table.index]])


def open_source(
    manifest: Manifest, name: str, known: Sequence[str], problems: Problems
) -> H5Source | TableSource | None:
    """Finds the features of an encoder.

    Args:
        manifest: Of the cohort.
        name: Key under `features`.
        known: Patients of the cohort's table.
        problems: Missing files and columns, repeated patients and bad values go here.

    Returns:
        The source, or None where it cannot be used.
    """
    entry = manifest.features[name]
    path = manifest.resolve(entry.path)
    if entry.format == "table":
        return _open_table(entry, path, known, problems)
    if not path.is_dir():
        problems.add(path, "the folder of features does not exist")
        return None
    table = None
    if entry.slides is not None:
        table = _slide_table(manifest, entry, problems)
        if table is None:
            return None
    slides = slides_of(path, known, table)
    return H5Source(slides, entry.width, _strangers(path, slides, table, known))


def _slide_table(
    manifest: Manifest, entry: FeatureSource, problems: Problems
) -> dict[str, tuple[str, ...]] | None:
    """Slides of every patient; a slide listed twice is a problem."""
    assert entry.slides is not None
    path = manifest.resolve(entry.slides.path)
    table = read_table(path, problems)
    if table is None:
        return None
    columns = (entry.slides.patient, entry.slides.slide)
    absent = [column for column in columns if column not in table.columns]
    for column in absent:
        hint = nearest(column, table.columns)
        problems.add(path, f"no such column, named by slides{hint}", column=column)
    if absent:
        return None
    found: dict[str, tuple[str, ...]] = {}
    owner: dict[str, str] = {}
    listed = table[list(columns)].dropna(subset=columns[1])
    for row, patient, text in listed.itertuples(name=None):
        slide = slide_name(text)
        if patient is None:
            problems.add(path, f"slide {slide!r} has no patient", row=row, column=columns[0])
            continue
        if slide in owner:
            who = f"for {owner[slide]!r} and {patient!r}" if owner[slide] != patient else ""
            problems.add(
                path, f"slide {slide!r} is listed twice {who}".rstrip(), row=row, column=columns[1]
            )
            continue
        owner[slide] = patient
        found[patient] = (*found.get(patient, ()), slide)
    return found


def _strangers(
    folder: Path,
    slides: dict[str, tuple[Path, ...]],
    table: dict[str, tuple[str, ...]] | None,
    known: Sequence[str],
) -> list[str]:
    used = {path.stem for paths in slides.values() for path in paths}
    if table is not None:
        used |= {slide for names in table.values() for slide in names}
    files = [path.name for path in sorted(folder.glob("*.h5")) if path.stem not in used]
    return sorted(set(table or ()) - set(known)) + files


def _open_table(
    entry: FeatureSource, path: Path, known: Sequence[str], problems: Problems
) -> TableSource | None:
    raw = read_table(path, problems)
    if raw is None:
        return None
    absent = [column for column in (entry.id, *entry.drop) if column not in raw.columns]
    for column in absent:
        hint = nearest(column, raw.columns)
        problems.add(path, f"no such column, named by features{hint}", column=column)
    if absent:
        return None
    for row in raw.index[raw[entry.id].isna()]:
        problems.add(path, "the identifier is missing", row=row, column=entry.id)
    raw = raw[raw[entry.id].notna()]
    for row, patient in raw[entry.id][raw[entry.id].duplicated()].items():
        problems.add(path, f"patient {patient!r} has two rows", row=row, column=entry.id)
    names = [column for column in raw.columns if column not in (entry.id, *entry.drop)]
    columns = {}
    for name in names:
        columns[name] = to_number(raw[name], path, problems, name=name, what="a finite number")
        for row in raw.index[raw[name].isna()]:
            problems.add(path, "a feature is missing", row=row, column=name)
    if not names:
        problems.add(path, "the table has no feature columns")
    if entry.width and len(names) != entry.width:
        problems.add(
            path, f"{len(names)} feature columns, the manifest declares width {entry.width}"
        )
    table = pd.DataFrame(columns).set_axis(pd.Index(raw[entry.id], dtype=str))
    return TableSource(table, sorted(set(table.index) - set(known)))

"""From a feature entry of the manifest to a checked store of the patients who are in the cohort."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import pandas as pd

from data_modules.features.bag import FeatureStore
from data_modules.features.check import Rules, check_encoders, common_width, judge
from data_modules.features.scan import Progress, cache_folder, scan
from data_modules.features.slides import by_name, slide_name, slides_of
from data_modules.features.store import BagStore
from data_modules.features.table import TableStore
from data_modules.genes import nearest
from data_modules.manifest import MPP_RANGE, FeatureSource, Manifest, SlideTable
from data_modules.problems import Problems
from data_modules.sources import read_table, to_number


class BagSource:
    """Slide files by patient, not yet opened.

    Args:
        slides: Files of every patient that has any.
        folder: Where they lie.
        rules: What the manifest says of them.
        mpp: µm per px at level 0 by slide, where the slide table says it.
        strangers: Names of files or patients that belong to nobody in the table.
    """

    def __init__(
        self,
        slides: dict[str, tuple[Path, ...]],
        folder: Path,
        rules: Rules,
        mpp: Mapping[str, float],
        strangers: Sequence[str],
    ) -> None:
        self.slides = slides
        self.folder = folder
        self.rules = rules
        self.mpp = mpp
        self.strangers = tuple(strangers)

    def patients(self) -> set[str]:
        """Patients of the table who have slides."""
        return set(self.slides)

    def load(
        self, patients: Iterable[str], problems: Problems, progress: Progress | None = None
    ) -> FeatureStore:
        """Checks every slide of these patients, one file in memory at a time.

        Args:
            patients: Of the cohort.
            problems: Whatever is wrong with their files goes here.
            progress: Called with the number of files checked and of all.
        """
        wanted = {p: self.slides[p] for p in patients if p in self.slides}
        paths = [path for slides in wanted.values() for path in slides]
        reports = list(scan(paths, cache_folder(), progress))
        width = self.rules.width or common_width(reports, problems)
        check_encoders(reports, self.rules.encoders, self.folder, problems)
        checked = {
            report.path: judge(report, self._rules(report.path), problems) for report in reports
        }
        store = {
            p: tuple(s for path in paths if (s := checked[path]) is not None)
            for p, paths in wanted.items()
        }
        return BagStore(store, width)

    def _rules(self, path: Path) -> Rules:
        mpp = self.mpp.get(slide_name(path.name), self.rules.mpp)
        return self.rules._replace(mpp=mpp)


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
) -> BagSource | TableSource | None:
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
    listed, mpp = None, {}
    if entry.slides is not None:
        table = _read_slide_table(manifest.resolve(entry.slides.path), entry.slides, problems)
        if table is None:
            return None
        listed = _slide_table(table, manifest.resolve(entry.slides.path), entry.slides, problems)
        mpp = _mpp(table, manifest.resolve(entry.slides.path), entry.slides, problems)
    files = by_name(path, problems)
    slides = slides_of(files, path, known, listed)
    rules = Rules(entry.width, entry.coords, entry.coords_mpp, entry.mpp, entry.encoders)
    return BagSource(slides, path, rules, mpp, _strangers(files, slides, listed, known))


def _read_slide_table(path: Path, entry: SlideTable, problems: Problems) -> pd.DataFrame | None:
    """The table, if it has its columns."""
    table = read_table(path, problems)
    if table is None:
        return None
    columns = [column for column in (entry.patient, entry.slide, entry.mpp) if column]
    absent = [column for column in columns if column not in table.columns]
    for column in absent:
        hint = nearest(column, table.columns)
        problems.add(path, f"no such column, named by slides{hint}", column=column)
    return None if absent else table


def _mpp(
    table: pd.DataFrame, path: Path, entry: SlideTable, problems: Problems
) -> dict[str, float]:
    """µm per px at level 0 by slide, of those that have one."""
    if not entry.mpp:
        return {}
    numbers = to_number(table[entry.mpp], path, problems, name=entry.mpp, what="an mpp")
    for row in numbers.index[numbers.notna() & ~numbers.between(*MPP_RANGE)]:
        problems.add(
            path, f"{numbers[row]:g} is no mpp: µm per px at level 0", row=row, column=entry.mpp
        )
    named = zip(table[entry.slide], numbers, strict=True)
    return {slide_name(slide): mpp for slide, mpp in named if slide is not None and mpp == mpp}


def _slide_table(
    table: pd.DataFrame, path: Path, entry: SlideTable, problems: Problems
) -> dict[str, tuple[str, ...]]:
    """Slides of every patient; a slide listed twice is a problem."""
    columns = (entry.patient, entry.slide)
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
    files: Mapping[str, Path],
    slides: dict[str, tuple[Path, ...]],
    table: dict[str, tuple[str, ...]] | None,
    known: Sequence[str],
) -> list[str]:
    used = {slide_name(path.name) for paths in slides.values() for path in paths}
    if table is not None:
        used |= {slide for names in table.values() for slide in names}
    left = [path.name for name, path in sorted(files.items()) if name not in used]
    return sorted(set(table or ()) - set(known)) + left


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

"""One table of patients out of several, every cell still knowing where it came from."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from data_modules.barcodes import PRIMARY, sample_kind
from data_modules.derive import derive
from data_modules.genes import nearest
from data_modules.manifest import OF, Manifest, PatientTable, code
from data_modules.problems import Problems
from data_modules.sources import FORMATS, read_table


class Origin(NamedTuple):
    """Where the cells of a joined column stand.

    Attributes:
        path: File.
        column: Name there.
        rows: Line there, by line of the patient table.
    """

    path: Path
    column: str
    rows: Mapping[int, int]


class Joined(NamedTuple):
    """The patient table and what was joined to it or derived.

    Attributes:
        table: As text; index: line of the patient table.
        identifier: Column of the patient.
        path: File of the patient table.
        origins: Of columns that stand in other files or under another name.
        notes: What a reader should know.
    """

    table: pd.DataFrame
    identifier: str
    path: Path
    origins: dict[str, Origin]
    notes: tuple[str, ...]


class Located(Problems):
    """Problems whose rows are those of the patient table; told where the cells really stand.

    Args:
        problems: Where they go.
        origins: Of joined columns.
    """

    def __init__(self, problems: Problems, origins: Mapping[str, Origin]) -> None:
        self.found = problems.found
        self.origins = origins

    def add(
        self,
        file: str | Path,
        message: str,
        *,
        row: Hashable | None = None,
        column: Hashable | None = None,
    ) -> None:
        """Adds one, with file, row and column of the table that holds the cell."""
        origin = self.origins.get(str(column))
        if origin is None:
            super().add(file, message, row=row, column=column)
            return
        line = None if row is None else origin.rows.get(int(str(row)))
        super().add(origin.path, message, row=line, column=origin.column)


def read_patients(manifest: Manifest, used: Mapping[str, str], problems: Problems) -> Joined | None:
    """Reads the patient table, joins the columns of other tables and derives.

    Args:
        manifest: Of the cohort.
        used: Columns that will be read, by the key of the manifest that names them.
        problems: Unreadable tables, columns that are not there, rows of a patient that contradict
            each other, and words that were not understood go here.

    Returns:
        The table, or None where the patient table cannot be used.
    """
    path = manifest.resolve(manifest.patients.path)
    base = _read(manifest.patients, path, "patients", problems)
    if base is None:
        return None
    identifier, table = base
    notes: list[str] = []
    wanted = _wanted(manifest, used)
    origins: dict[str, Origin] = {}
    joined: dict[str, pd.Series] = {}
    for name, entry in manifest.tables.items():
        columns = [column for column in wanted if column.startswith(name + OF)]
        found = _read(entry, manifest.resolve(entry.path), f"tables.{name}", problems)
        if found is None:
            continue
        other = _Other(name, manifest.resolve(entry.path), *found)
        ours, theirs = table[identifier], other.table[other.identifier]
        notes += _overlap(other, ours, problems)
        # What a table says of people outside the cohort is nobody's problem.
        other = other._replace(table=other.table[theirs.isin(ours.dropna())])
        for column in columns:
            values = _by_patient(other, column, problems)
            if values is not None:
                known = values["value"].to_dict()
                cells = [known.get(patient) for patient in table[identifier]]
                joined[column] = pd.Series(cells, table.index, dtype=object)
                lines = table[identifier].map(values["row"]).dropna()
                rows = {int(str(row)): int(line) for row, line in lines.items()}
                origins[column] = Origin(other.path, column.partition(OF)[2], rows)
    for column in wanted:
        name = column.partition(OF)[0]
        if OF in column and column not in table and name not in manifest.tables:
            hint = nearest(name, manifest.tables)
            problems.add(manifest.file, f"no table is called {name!r}{hint}", column=column)
    table = table.assign(**joined)
    made, told = _derived(manifest, table, path, Located(problems, origins))
    for name in made:
        [column, *others] = manifest.derive[name].columns
        if not others:
            same = Origin(path, column, {row: row for row in table.index})
            origins[name] = origins.get(column, same)
    return Joined(table.assign(**made), identifier, path, origins, (*notes, *told))


class _Other(NamedTuple):
    name: str
    path: Path
    identifier: str
    table: pd.DataFrame


def _wanted(manifest: Manifest, used: Mapping[str, str]) -> list[str]:
    named = [*used.values(), *(c for d in manifest.derive.values() for c in d.columns)]
    return list(dict.fromkeys(named))


def _read(
    entry: PatientTable, path: Path, key: str, problems: Problems
) -> tuple[str, pd.DataFrame] | None:
    """Name of the identifier and the rows; of several samples of a patient, the primary tumours."""
    form = FORMATS[entry.format]
    table = read_table(path, problems, form)
    if table is None:
        return None
    candidates = (entry.id,) if entry.id else form.id
    identifier = next((name for name in candidates if name in table), None)
    if identifier is None:
        if not candidates:
            problems.add(path, f"{key}.id must name the column of the patient")
        else:
            hint = nearest(candidates[0], table.columns)
            problems.add(path, f"no such column, named by {key}.id{hint}", column=candidates[0])
        return None
    if form.sample in table:
        kinds = table[form.sample].map(lambda text: sample_kind(str(text)))
        table = table[kinds.isin(["", PRIMARY])]
    return identifier, table


def _by_patient(other: _Other, column: str, problems: Problems) -> pd.DataFrame | None:
    """Value and row of one column by patient; rows that contradict each other are a problem."""
    name = column.partition(OF)[2]
    if name not in other.table:
        hint = nearest(name, other.table.columns)
        problems.add(other.path, f"no such column in tables.{other.name}{hint}", column=name)
        return None
    cells = pd.DataFrame(
        {"patient": other.table[other.identifier], "value": other.table[name]}
    ).dropna()
    cells["row"] = cells.index
    cells["code"] = cells["value"].map(code)
    distinct = cells.drop_duplicates(["patient", "code"])
    first = distinct.drop_duplicates("patient").set_index("patient")
    for row, patient, value in distinct[distinct["patient"].duplicated()][
        ["row", "patient", "value"]
    ].itertuples(index=False, name=None):
        said, where = first.loc[patient, "value"], first.loc[patient, "row"]
        problems.add(
            other.path,
            f"patient {patient!r} has {value!r} here and {said!r} in row {where}",
            row=row,
            column=name,
        )
    return first


def _overlap(other: _Other, patients: pd.Series, problems: Problems) -> list[str]:
    theirs, ours = set(other.table[other.identifier].dropna()), set(patients.dropna())
    if ours.isdisjoint(theirs):
        examples = f"{min(theirs, default='nobody')!r} there, {min(ours, default='nobody')!r} here"
        problems.add(
            other.path,
            f"tables.{other.name} has no patient of the patient table: {examples}",
            column=other.identifier,
        )
        return []
    lacking, strangers = len(ours - theirs), len(theirs - ours)
    if not lacking and not strangers:
        return []
    return [
        f"table {other.name}: {lacking} patients of the patient table are not in it, "
        f"{strangers} in it are not in the patient table"
    ]


def _derived(
    manifest: Manifest, table: pd.DataFrame, path: Path, problems: Problems
) -> tuple[dict[str, pd.Series], list[str]]:
    made: dict[str, pd.Series] = {}
    notes: list[str] = []
    for name, entry in manifest.derive.items():
        if name in table:
            problems.add(path, f"derive.{name}: the table has this column", column=name)
            continue
        known = [column for column in entry.columns if column in table]
        for column in entry.columns:
            if column not in table and OF not in column:
                hint = nearest(column, table.columns)
                problems.add(path, f"no such column, named by derive.{name}{hint}", column=column)
        if len(known) == len(entry.columns):
            made[name], told = derive(name, entry, table[known], path, problems)
            notes += told
    return made, notes

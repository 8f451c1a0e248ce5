"""Columns made of others: one reading, one unit, and nothing settled silently."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from data_modules.manifest import Derived
from data_modules.problems import Problems
from data_modules.units import converted
from data_modules.vocabulary import READINGS, nottingham_grade, read_score, unit_in

NAMED = 4
COMPONENTS = 3


def derive(
    name: str, entry: Derived, table: pd.DataFrame, path: Path, problems: Problems
) -> tuple[pd.Series, list[str]]:
    """One derived column.

    Args:
        name: Of the column.
        entry: How it is made.
        table: The columns it is made of, as text; the index is the line of the patient table.
        path: Of the patient table, for the report.
        problems: Cells that were not understood, and conflicts under `refuse`, go here.

    Returns:
        The column as text, None where nothing is known; and notes on conflicts that were settled.
    """
    if entry.read == "nottingham" and len(table.columns) == COMPONENTS:
        return _nottingham_sum(table, path, problems), []
    read = {column: _read(table[column], entry, path, problems) for column in table}
    values = pd.DataFrame(read, dtype=object)
    known = [[cell for cell in row if cell is not None] for row in values.to_numpy()]
    first = pd.Series([cells[0] if cells else None for cells in known], table.index, dtype=object)
    clashing = values[[_differ(cells, entry) for cells in known]]
    if clashing.empty:
        return first, []
    if entry.conflicts == "refuse":
        for row, cells in clashing.iterrows():
            said = ", ".join(f"{column} says {cell}" for column, cell in cells.dropna().items())
            problems.add(
                path,
                f"{said}: declare `conflicts: first` or `conflicts: missing` to go on",
                row=row,
                column=name,
            )
        return first, []
    lines = ", ".join(f"row {row}" for row in clashing.index[:NAMED])
    more = f" and {len(clashing) - NAMED} more" if len(clashing) > NAMED else ""
    outcome = "the first is taken" if entry.conflicts == "first" else "counted as missing"
    note = f"{name}: {len(clashing)} conflicts between its columns, {outcome} ({lines}{more})"
    if entry.conflicts == "missing":
        first[clashing.index] = None
    return first, [note]


def _read(column: pd.Series, entry: Derived, path: Path, problems: Problems) -> pd.Series:
    """The canonical text of every cell."""
    reading = READINGS[entry.read]
    cells: list[str | None] = []
    for row, text in column.items():
        try:
            found = None if text is None else reading(text)
            if found is not None and entry.read == "number":
                # A unit that stands in the cell counts more than the declared one.
                unit = unit_in(text) or entry.units.get(str(column.name), entry.unit)
                found = f"{converted(float(found), unit, entry.to or entry.unit):.12g}"
        except ValueError as error:
            problems.add(path, f"{text!r} {error}", row=row, column=column.name)
            found = None
        cells.append(found)
    return pd.Series(cells, column.index, dtype=object)


def _differ(cells: Sequence[str], entry: Derived) -> bool:
    if entry.read == "number":
        numbers = [float(cell) for cell in cells]
        return len(numbers) > 1 and max(numbers) - min(numbers) > entry.tolerance
    return len(set(cells)) > 1


def _nottingham_sum(table: pd.DataFrame, path: Path, problems: Problems) -> pd.Series:
    """Grade of the sum of tubules, pleomorphism and mitoses; unknown unless all three are known."""
    grades: list[str | None] = []
    for row, cells in zip(table.index, table.to_numpy(), strict=True):
        scores: list[str | None] = []
        for column, text in zip(table.columns, cells, strict=True):
            try:
                scores.append(None if text is None else read_score(text))
            except ValueError as error:
                problems.add(path, f"{text!r} {error}", row=row, column=column)
                scores.append(None)
        known = [int(score) for score in scores if score is not None]
        grades.append(nottingham_grade(sum(known)) if len(known) == COMPONENTS else None)
    return pd.Series(grades, table.index, dtype=object)

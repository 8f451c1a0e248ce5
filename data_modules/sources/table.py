"""CSV and TSV tables, read as text so that nothing is guessed."""

from __future__ import annotations

import csv
from pathlib import Path

import pandas as pd

from data_modules.problems import Problems

TAB_SUFFIXES = (".tsv", ".txt")

# What the tables of TCGA and its portals write where a value is missing.
MISSING = frozenset(
    {"", "NA", "N/A", "NaN", "nan", "null", "--", "'--", "[Not Available]", "[Not Applicable]",
     "[Not Evaluated]", "[Unknown]"}
)  # fmt: skip


def read_table(path: Path, problems: Problems) -> pd.DataFrame | None:
    """A table as text; a missing value is None.

    Args:
        path: .tsv and .txt are split at tabs, everything else at commas.
        problems: A missing, empty or undecodable file, repeated headers and rows of another length
            than the header go here.

    Returns:
        The table, its index being the line of the file where a row begins (the header is row 1), or
        None. Columns without a name, as row names are often written, are left out.
    """
    rows = _rows(path, problems)
    if rows is None:
        return None
    header = [name or "" for name in rows.pop(1, [])]
    named = [name for name in header if name]
    if not named:
        problems.add(path, "the first row is empty; it must name the columns", row=1)
        return None
    repeated = sorted({name for name in named if named.count(name) > 1})
    for name in repeated:
        problems.add(path, "the header names this column twice", column=name)
    ragged = {row: len(cells) for row, cells in rows.items() if len(cells) != len(header)}
    for row, cells in ragged.items():
        problems.add(path, f"{cells} cells, the header has {len(header)}", row=row)
    if repeated or ragged:
        return None
    if not rows:
        problems.add(path, "the table has a header and no rows")
        return None
    table = pd.DataFrame(list(rows.values()), index=list(rows), columns=header, dtype=object)
    return table[named]


def _rows(path: Path, problems: Problems) -> dict[int, list[str | None]] | None:
    """Cells of every row that is not blank, by the line on which it begins; missing is None."""
    separator = "\t" if path.suffix.lower() in TAB_SUFFIXES else ","
    rows: dict[int, list[str | None]] = {}
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file, delimiter=separator, strict=True)
            begins = 1
            for cells in reader:
                stripped = [cell.strip() for cell in cells]
                if begins == 1:
                    rows[1] = list(stripped)
                elif any(stripped):
                    rows[begins] = [None if cell in MISSING else cell for cell in stripped]
                begins = reader.line_num + 1
    except FileNotFoundError:
        problems.add(path, "the file does not exist")
        return None
    except csv.Error as error:
        problems.add(path, f"cannot be read as a table: {error}", row=begins)
        return None
    except (UnicodeDecodeError, OSError) as error:
        problems.add(path, f"cannot be read as a table: {error}")
        return None
    if not rows:
        problems.add(path, "the file is empty")
        return None
    return rows


def to_number(
    column: pd.Series, path: Path, problems: Problems, *, name: str, what: str
) -> pd.Series:
    """A text column as floats; text that is no finite number is reported with its row.

    Args:
        column: Text, None where missing.
        path: For the report.
        problems: Where they go.
        name: Column name for the report.
        what: What the number means, such as "a time".
    """
    numbers = pd.to_numeric(column, errors="coerce").astype(float)
    wrong = column.notna() & (numbers.isna() | numbers.abs().eq(float("inf")))
    for row, value in column[wrong].items():
        problems.add(path, f"{value!r} is not {what}", row=row, column=name)
    return numbers

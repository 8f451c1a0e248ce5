"""CSV and TSV tables, read as text so that nothing is guessed."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from data_modules.problems import Problems

TAB_SUFFIXES = (".tsv", ".txt")

# What the tables of TCGA and its portals write where a value is missing.
MISSING = frozenset(
    {"", "NA", "N/A", "NaN", "nan", "null", "--", "'--", "[Not Available]", "[Not Applicable]",
     "[Not Evaluated]", "[Unknown]"}
)  # fmt: skip

HEADER_ROWS = 1


def read_table(path: Path, problems: Problems) -> pd.DataFrame | None:
    """A table as text; a missing value is None.

    Args:
        path: .tsv and .txt are split at tabs, everything else at commas.
        problems: A missing, empty or undecodable file and repeated headers go here.

    Returns:
        The table, its index being the row of the file (the header is row 1), or None.
    """
    separator = "\t" if path.suffix in TAB_SUFFIXES else ","
    try:
        raw = pd.read_csv(
            path,
            sep=separator,
            header=None,
            dtype=str,
            keep_default_na=False,
            encoding="utf-8-sig",
            skip_blank_lines=False,
        )
    except FileNotFoundError:
        problems.add(path, "the file does not exist")
        return None
    except (pd.errors.EmptyDataError, pd.errors.ParserError, UnicodeDecodeError, OSError) as error:
        problems.add(path, f"cannot be read as a table: {str(error).strip()}")
        return None
    header = [str(name).strip() for name in raw.iloc[0]]
    repeated = sorted({name for name in header if header.count(name) > 1})
    for name in repeated:
        problems.add(path, "the header names this column twice", column=name)
    if repeated:
        return None
    table = raw.iloc[1:].copy()
    table.columns = pd.Index(header)
    table.index = pd.RangeIndex(HEADER_ROWS + 1, HEADER_ROWS + 1 + len(table))
    if table.empty:
        problems.add(path, "the table has a header and no rows")
        return None
    stripped = table.apply(lambda column: column.str.strip())
    blank = (stripped == "").all(axis=1)
    return stripped.loc[~blank].astype(object).where(~stripped.isin(MISSING), None)


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
        problems.add(path, f"{value!r} is not {what}", row=int(str(row)), column=name)
    return numbers

"""Tables of patients, read as text so that nothing is guessed; one row stays what it was."""

from __future__ import annotations

import csv
import zlib
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import pandas as pd

from data_modules.problems import Problems
from data_modules.sources.parquet import read_parquet
from data_modules.sources.text import open_text

TAB_SUFFIXES = (".tsv", ".txt", ".tab")

# What the tables of TCGA and its portals write where a value is missing.
MISSING = frozenset(
    {"", "NA", "N/A", "#N/A", "NaN", "nan", "null", "--", "'--", "[Not Available]",
     "[Not Applicable]", "[Not Evaluated]", "[Unknown]", "[Discrepancy]", "[Completed]"}
)  # fmt: skip


@dataclass(frozen=True)
class TableFormat:
    """How one kind of export writes a table of patients.

    Attributes:
        name: Value of `format` in the manifest.
        told_by: Columns of such a file, by which it is recognised; empty recognises nothing.
        id: Columns that may hold the patient; the manifest's `id` wins over them.
        sample: Column of the sample, where a patient may have several rows.
        comment: Lines that start with it stand before the header.
        missing: Further words for a missing value, whatever their case.
        tabs: Whether cells are separated by tabs whatever the name of the file.
        repeats: Whether the export gives one name to several columns; each then has its number
            behind it, since the name alone would be a guess.
        derive: Adds columns that the export implies but does not write.
    """

    name: str
    told_by: tuple[str, ...] = ()
    id: tuple[str, ...] = ()
    sample: str = ""
    comment: str = ""
    missing: frozenset[str] = frozenset()
    tabs: bool = False
    repeats: bool = False
    derive: Callable[[pd.DataFrame], pd.DataFrame] | None = None


TABLE = TableFormat("table")


def read_table(path: Path, problems: Problems, form: TableFormat = TABLE) -> pd.DataFrame | None:
    """A table as text; a missing value is None.

    Args:
        path: .parquet is read as such; .tsv, .txt and .tab are split at tabs, everything else at
            commas; .gz after any of them is unpacked.
        problems: A missing, empty or undecodable file, repeated headers and rows of another length
            than the header go here.
        form: Which export wrote the file.

    Returns:
        The table, its index being the line of the file where a row begins (the header is row 1
        where nothing stands before it; rows of Parquet count from 2), or None. Columns without a
        name, as row names are often written, are left out.
    """
    if path.suffix.lower() == ".parquet":
        table = _read_cells(path, problems)
    else:
        table = _read_text(path, problems, form)
    if table is None:
        return None
    if table.empty:
        problems.add(path, "the table has a header and no rows")
        return None
    missing = {word.casefold() for word in form.missing}
    if missing:
        known = table.map(lambda cell: str(cell).casefold() not in missing)
        table = table.where(known & table.notna(), None)
    return table if form.derive is None else form.derive(table)


def _read_text(path: Path, problems: Problems, form: TableFormat) -> pd.DataFrame | None:
    tabs = form.tabs or path.name.lower().removesuffix(".gz").endswith(TAB_SUFFIXES)
    read = _rows(path, problems, "\t" if tabs else ",", form.comment)
    if read is None:
        return None
    line, header, rows = read
    named = [name for name in header if name]
    if not named:
        problems.add(path, "the first row is empty; it must name the columns", row=line)
        return None
    below = next(iter(rows.values()), [""])[0] or ""
    if not form.comment and header[0].startswith("#") and below.startswith("#"):
        problems.add(path, "lines with # stand before the header: `format: cbioportal`", row=line)
        return None
    if len(header) == 1:
        for other, way in _OTHER_SEPARATORS[tabs].items():
            if other in header[0]:
                told = f"cells are separated by {other!r}, not by {'tabs' if tabs else 'commas'}"
                problems.add(path, f"{told}: {way}", row=line)
                return None
    if form.repeats:
        header = _numbered(header)
        named = [name for name in header if name]
    repeated = sorted({name for name in named if named.count(name) > 1})
    for name in repeated:
        problems.add(path, "the header names this column twice", column=name)
    ragged = {row: len(cells) for row, cells in rows.items() if len(cells) != len(header)}
    for row, cells in ragged.items():
        problems.add(path, f"{cells} cells, the header has {len(header)}", row=row)
    if repeated or ragged:
        return None
    table = pd.DataFrame(list(rows.values()), index=list(rows), columns=header, dtype=object)
    return table[named]


# By whether tabs are expected: what separates cells instead, and the way out.
_OTHER_SEPARATORS: dict[bool, dict[str, str]] = {
    False: {";": "save it with commas", "\t": "name the file .tsv"},
    True: {",": "name the file .csv", ";": "save it with tabs"},
}


def _numbered(header: list[str]) -> list[str]:
    """Names that stand more than once get their number: `Stage (1)`, `Stage (2)`."""
    counts, seen = Counter(header), Counter[str]()
    made = []
    for name in header:
        seen[name] += 1
        made.append(f"{name} ({seen[name]})" if name and counts[name] > 1 else name)
    return made


def _rows(
    path: Path, problems: Problems, separator: str, comment: str
) -> tuple[int, list[str], dict[int, list[str | None]]] | None:
    """Line of the header, its names, and the cells of every row that is not blank by its line."""
    begins, before, line, header = 1, 0, 0, None
    rows: dict[int, list[str | None]] = {}
    try:
        with open_text(path) as file:
            first = next(file, "")
            # Free text, whose quotation marks need not come in pairs.
            while comment and first.lstrip('"').startswith(comment):
                before += 1
                first = next(file, "")
            begins += before
            lines = chain([first] if first else [], file)
            reader = csv.reader(lines, delimiter=separator, strict=True)
            for cells in reader:
                stripped = [cell.strip() for cell in cells]
                if header is None:
                    line, header = begins, stripped
                elif any(stripped):
                    rows[begins] = [None if cell in MISSING else cell for cell in stripped]
                if any("\0" in cell for cell in cells):
                    problems.add(path, "holds NUL characters: save the file as UTF-8", row=begins)
                    return None
                begins = before + reader.line_num + 1
    except FileNotFoundError:
        problems.add(path, "the file does not exist")
        return None
    except csv.Error as error:
        problems.add(path, f"cannot be read as a table: {error}", row=begins)
        return None
    except (UnicodeDecodeError, EOFError, OSError, zlib.error) as error:
        problems.add(path, f"cannot be read as a table: {error}")
        return None
    if header is None:
        problems.add(path, "the file is empty")
        return None
    return line, header, rows


def _read_cells(path: Path, problems: Problems) -> pd.DataFrame | None:
    """Parquet, with the same words missing as in text."""
    table = read_parquet(path, problems)
    return None if table is None else table.where(~table.isin(list(MISSING)), None)


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
        comma = ": write the decimal point as a point" if "," in str(value) else ""
        problems.add(path, f"{value!r} is not {what}{comma}", row=row, column=name)
    return numbers

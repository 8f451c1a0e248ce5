"""What lies in a folder of downloads: tables of patients, matrices, folders of features."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import NamedTuple

from data_modules.problems import Problems
from data_modules.sources import FORMATS, read_table
from data_modules.sources.text import open_text

TABLES = (".csv", ".tsv", ".txt", ".tab", ".csv.gz", ".tsv.gz", ".txt.gz", ".parquet")
FEATURES = (".h5", ".hdf5", ".pt", ".safetensors", ".zarr")
# A patient may be named by any of these in a table of no known format.
IDENTIFIERS = (
    "patient_id", "Patient_ID", "PATIENT_ID", "Patient ID", "case_id", "submitter_id",
    "bcr_patient_barcode", "patient", "sample", "Sample CLID", "id",
)  # fmt: skip
DEEPEST = 6


class FoundTable(NamedTuple):
    """A table with a row a patient.

    Attributes:
        path: File.
        format: Key of `FORMATS`.
        id: Column of the patient.
        columns: All columns.
    """

    path: Path
    format: str
    id: str
    columns: tuple[str, ...]


class Found(NamedTuple):
    """What a folder holds.

    Attributes:
        tables: Tables of patients, the most particular formats first.
        matrices: Expression matrices and their formats.
        features: Folders of feature files and the number of files in each.
        passed: Files that look like tables and were not understood, and why.
    """

    tables: tuple[FoundTable, ...]
    matrices: tuple[tuple[Path, str], ...]
    features: tuple[tuple[Path, int], ...]
    passed: tuple[tuple[Path, str], ...]


def discover(folder: Path) -> Found:
    """Looks at the first lines of every table and at the names of feature files.

    Args:
        folder: Walked six folders deep; hidden files and folders are passed over.
    """
    tables: list[FoundTable] = []
    matrices: list[tuple[Path, str]] = []
    passed: list[tuple[Path, str]] = []
    features: dict[Path, int] = {}
    for path in sorted(folder.rglob("*")):
        inside = path.relative_to(folder)
        if any(part.startswith(".") for part in inside.parts) or len(inside.parts) > DEEPEST:
            continue
        if path.suffix.lower() in FEATURES and path.parent.suffix != ".zarr":
            features[path.parent] = features.get(path.parent, 0) + 1
        elif path.is_file() and path.name.lower().endswith(TABLES):
            found = recognise(path)
            if isinstance(found, FoundTable):
                tables.append(found)
            elif found in MATRICES:
                matrices.append((path, found))
            else:
                passed.append((path, found))
    order = list(FORMATS)
    tables.sort(key=lambda table: (order.index(table.format), str(table.path)))
    return Found(tuple(tables), tuple(matrices), tuple(features.items()), tuple(passed))


MATRICES = ("xena", "cbioportal")
# A header with so many columns that look like samples is that of a matrix.
SAMPLES = 5


def recognise(path: Path) -> FoundTable | str:
    """The table that a file holds, the format of the matrix that it holds, or why it is neither."""
    if path.suffix.lower() == ".parquet":
        problems = Problems()
        table = read_table(path, problems)
        if table is None:
            return problems.found[0].message
        return _table(path, [str(column) for column in table.columns])
    try:
        header = _header(path)
    except (OSError, EOFError, UnicodeDecodeError, csv.Error) as error:
        return f"cannot be read: {error}"
    if "Hugo_Symbol" in header or "Entrez_Gene_Id" in header:
        return "cbioportal"
    if len(header) > SAMPLES and sum(_is_sample(name) for name in header) > len(header) / 2:
        return "xena"
    return _table(path, header)


def _table(path: Path, header: list[str]) -> FoundTable | str:
    for form in FORMATS.values():
        if form.told_by and set(form.told_by) <= set(header):
            identifier = next((name for name in form.id if name in header), "")
            if identifier:
                return FoundTable(path, form.name, identifier, tuple(header))
    identifier = next((name for name in IDENTIFIERS if name in header), "")
    if not identifier:
        return "no column names the patient"
    return FoundTable(path, "table", identifier, tuple(header))


def _is_sample(name: str) -> bool:
    return name.startswith("TCGA-") or (name.count("-") >= 2 and any(c.isdigit() for c in name))


def _header(path: Path) -> list[str]:
    """Cells of the first line that is no comment."""
    with open_text(path) as lines:
        for line in lines:
            if line.strip() and not line.startswith("#"):
                separator = "\t" if line.count("\t") >= line.count(",") else ","
                cells = next(csv.reader([line], delimiter=separator))
                return [cell.strip() for cell in cells]
    return []

"""Expression tables in Parquet files, where pandas has an engine that reads them."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd

from data_modules.gene_names import current_symbol
from data_modules.problems import Problems
from data_modules.sources.cells import not_finite, to_floats
from data_modules.sources.matrix import (
    NO_GENE,
    PROBED,
    FindLayout,
    Measured,
    RawMatrix,
    Totals,
    check_samples,
)


def read_parquet_matrix(
    path: Path,
    genes: Collection[str],
    find: FindLayout,
    problems: Problems,
    *,
    genes_in: Literal["rows", "columns"],
    totals: Totals = "none",
) -> RawMatrix | None:
    """Reads a table whole; its rows count from 2, as if it had a line of header.

    Args:
        path: The file.
        genes: Current symbols.
        find: From the columns to the layout; None where they have none, which it reports.
        problems: A file that cannot be read, repeated samples and cells that are no numbers go
            here, and that pandas lacks pyarrow.
        genes_in: Whether a gene is a row or a column.
        totals: Which sums to take.

    Returns:
        None where the file cannot be used.
    """
    frame = _frame(path, problems)
    layout = find([str(name) for name in frame.columns]) if frame is not None else None
    if frame is None or layout is None:
        return None
    names = frame.iloc[:, layout.names[0]].astype(str)
    apart = {layout.names[0], *layout.leave}
    columns = [i for i in range(frame.shape[1]) if i not in apart]
    matrix = frame.iloc[:, columns].set_axis(names, axis=0)
    matrix = matrix.set_axis([str(name) for name in matrix.columns], axis=1)
    matrix = matrix if genes_in == "rows" else matrix.T
    samples = list(matrix.columns)
    check_samples(samples, path, problems, row=1)
    if matrix.empty or pd.Index(samples).has_duplicates:
        if matrix.empty:
            problems.add(path, "the table holds no values")
        return None
    found: dict[str, list[Measured]] = {}
    for position, name in enumerate(matrix.index):
        gene = current_symbol(name)
        if gene in genes:
            row = position + 2 if genes_in == "rows" else 0
            values = _numbers(matrix.iloc[position], gene, row, path, problems)
            found.setdefault(gene, []).append(Measured(name, row, values))
    lines = [] if genes_in == "rows" else list(range(2, len(samples) + 2))
    return RawMatrix(samples, lines, found, list(matrix.index), _sums(matrix, totals))


def _frame(path: Path, problems: Problems) -> pd.DataFrame | None:
    try:
        frame = pd.read_parquet(path)
    except FileNotFoundError:
        problems.add(path, "the file does not exist")
    except ImportError:
        problems.add(path, "Parquet is read with pyarrow: pip install pyarrow, or save it as CSV")
    except Exception as error:  # engines raise errors of their own, which differ between them
        problems.add(path, f"cannot be read as Parquet: {error}")
    else:
        # Row names come back as an index; as a column they are found like those of other tables.
        return frame if isinstance(frame.index, pd.RangeIndex) else frame.reset_index()
    return None


def _numbers(values: pd.Series, gene: str, row: int, path: Path, problems: Problems) -> np.ndarray:
    cells = ["" if pd.isna(value) else str(value) for value in values]
    numbers, wrong = to_floats(cells)
    if wrong is not None:
        place = row or wrong + 2
        text = not_finite(cells[wrong], str(values.index[wrong]))
        problems.add(path, text, row=place, column=gene)
    return numbers


def _sums(matrix: pd.DataFrame, totals: Totals) -> np.ndarray:
    sums = np.full(matrix.shape[1], np.nan)
    count = {"none": 0, "all": len(sums)}.get(totals, PROBED)
    rows = [not name.startswith(NO_GENE) for name in matrix.index]
    part = matrix.loc[rows].iloc[:, :count].apply(pd.to_numeric, errors="coerce")
    numbers = part.to_numpy(dtype=float)
    if totals == "probe_log2":
        numbers = np.exp2(np.minimum(numbers, 64.0)) - 1
    sums[:count] = np.nansum(numbers, axis=0)
    return sums

"""UCSC Xena matrices: genes in rows, one column that names them, samples in columns."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from data_modules.problems import Problems
from data_modules.sources.matrix import Layout, RawMatrix, Totals, read_rows


def read_xena(
    path: Path, genes: Collection[str], problems: Problems, *, totals: Totals = "none"
) -> RawMatrix | None:
    """Reads the genes asked for; the first column names them, whatever stands over it.

    Args:
        path: Tab-separated, plain or packed with gzip.
        genes: Current symbols.
        problems: A missing or damaged file, repeated samples, rows of another length than the
            header and cells that are no numbers go here.
        totals: Which sums over all genes to take.

    Returns:
        None where the file cannot be used.
    """
    return read_rows(path, genes, lambda header: Layout((0,)), problems, totals=totals)

"""Expression as spreadsheets and data frames hold it: CSV, TSV or Parquet."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Literal

from data_modules.genes import nearest
from data_modules.problems import Problems
from data_modules.sources.gene_columns import read_columns
from data_modules.sources.matrix import Layout, RawMatrix, Totals, read_rows
from data_modules.sources.parquet_matrix import read_parquet_matrix
from data_modules.sources.table import TAB_SUFFIXES


def read_expression_table(
    path: Path,
    genes: Collection[str],
    problems: Problems,
    *,
    genes_in: Literal["rows", "columns"] = "rows",
    identifier: str = "",
    drop: Sequence[str] = (),
    totals: Totals = "none",
) -> RawMatrix | None:
    """Reads the genes asked for.

    Args:
        path: .tsv and .txt are split at tabs, .parquet is read by pandas, everything else is split
            at commas; text may be packed with gzip.
        genes: Current symbols.
        problems: A missing or damaged file, columns that are not there, repeated samples, rows of
            another length than the header and cells that are no numbers go here.
        genes_in: Whether a gene is a row or a column.
        identifier: Column that names the rows; empty for the first.
        drop: Columns that are neither samples nor genes.
        totals: Which sums over all genes to take.

    Returns:
        None where the file cannot be used.
    """
    suffix = Path(path.name.removesuffix(".gz")).suffix.lower()
    separator = "\t" if suffix in TAB_SUFFIXES else ","

    def find(header: list[str]) -> Layout | None:
        named = [name for name in (identifier, *drop) if name]
        absent = [name for name in named if name not in header]
        for name in absent:
            text = f"no such column, named by genes.id or genes.drop{nearest(name, header)}"
            problems.add(path, text, column=name)
        if len(header) == 1 and ";" in header[0]:
            problems.add(path, "cells are separated by ';': save the table with commas or tabs")
        elif not absent:
            names = (header.index(identifier) if identifier else 0,)
            return Layout(names, frozenset(header.index(name) for name in drop))
        return None

    if suffix == ".parquet":
        return read_parquet_matrix(path, genes, find, problems, genes_in=genes_in, totals=totals)
    read = read_rows if genes_in == "rows" else read_columns
    return read(path, genes, find, problems, separator=separator, totals=totals)

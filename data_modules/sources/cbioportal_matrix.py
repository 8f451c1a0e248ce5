"""cBioPortal's data_mrna_*.txt: genes in rows, named by Hugo_Symbol and Entrez_Gene_Id."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from data_modules.problems import Problems
from data_modules.sources.matrix import Layout, RawMatrix, Totals, read_rows

# https://docs.cbioportal.org/file-formats/#expression-data
SYMBOL, ENTREZ = "hugo_symbol", "entrez_gene_id"
OTHER = ("cytoband", "composite.element.ref")


def read_cbioportal(
    path: Path, genes: Collection[str], problems: Problems, *, totals: Totals = "none"
) -> RawMatrix | None:
    """Reads the genes asked for, by symbol or Entrez identifier; a row may lack one of the two.

    Args:
        path: Tab-separated, plain or packed with gzip; lines of comment begin with #.
        genes: Current symbols.
        problems: A missing or damaged file, a header without either column, repeated samples, rows
            of another length than the header and cells that are no numbers go here.
        totals: Which sums over all genes to take.

    Returns:
        None where the file cannot be used.
    """

    def find(header: list[str]) -> Layout | None:
        known = {name.casefold(): i for i, name in reversed(list(enumerate(header)))}
        names = tuple(known[name] for name in (SYMBOL, ENTREZ) if name in known)
        if not names:
            problems.add(
                path,
                f"the header names neither Hugo_Symbol nor Entrez_Gene_Id; it begins {header[:3]}",
            )
            return None
        return Layout(names, frozenset(known[name] for name in OTHER if name in known))

    return read_rows(path, genes, find, problems, comment="#", totals=totals)

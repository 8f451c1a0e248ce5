"""Which genes a run reads: PAM50, or those of a list."""

from __future__ import annotations

from pathlib import Path

from data_modules.gene_names import current_symbol
from data_modules.genes import PAM50
from data_modules.problems import Problems
from data_modules.sources.cells import duplicates


def read_gene_set(name: str, path: Path, problems: Problems) -> tuple[str, ...]:
    """The genes of PAM50, or of a file, under their current symbols.

    Args:
        name: pam50, or the file as the manifest has it.
        path: Of the file: one symbol a line, # beginning a comment; or .gmt, one set a line with
            its name, a description and its genes between tabs, of which a file has one here.
        problems: A file that cannot be read, holds no genes or holds one twice goes here.
    """
    if name == "pam50":
        return PAM50
    if not path.is_file():
        problems.add(path, "no such gene set: `set` is pam50, or a file with one symbol a line")
        return ()
    try:
        lines = [line.strip() for line in path.read_text(encoding="utf-8-sig").splitlines()]
    except (UnicodeDecodeError, OSError) as error:
        problems.add(path, f"cannot be read as a list of genes: {error}")
        return ()
    symbols = [line for line in lines if line and line[0] != "#"]
    if path.suffix.lower() == ".gmt":
        if len(symbols) != 1:
            text = f"holds {len(symbols)} gene sets; keep the line of the one to use"
            problems.add(path, text)
            return ()
        symbols = [symbol.strip() for symbol in symbols[0].split("\t")[2:] if symbol.strip()]
    genes = [current_symbol(symbol) for symbol in symbols]
    for gene in sorted(duplicates(genes)):
        problems.add(path, "the gene is listed twice", column=gene)
    if not genes:
        problems.add(path, "the gene list is empty")
    return tuple(genes)

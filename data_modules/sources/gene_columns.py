"""Expression tables with one row a sample and one column a gene."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import numpy as np

from data_modules.gene_names import current_symbol
from data_modules.problems import Problems
from data_modules.sources.cells import duplicates, not_finite, split, to_floats
from data_modules.sources.lines import open_lines, reading
from data_modules.sources.matrix import (
    NO_GENE,
    PROBED,
    FindLayout,
    Measured,
    RawMatrix,
    Totals,
    read_header,
)


def read_columns(
    path: Path,
    genes: Collection[str],
    find: FindLayout,
    problems: Problems,
    *,
    separator: str,
    totals: Totals = "none",
) -> RawMatrix | None:
    """Reads a matrix with genes in columns; the layout's first name is that of the sample.

    Args:
        path: Text, plain or packed with gzip.
        genes: Current symbols.
        find: From the header to the layout; None where it has none, which it reports.
        problems: Where they go.
        separator: Of cells.
        totals: Which sums to take.

    Returns:
        None where the file cannot be used.
    """
    reader = _Columns(path, set(genes), separator, totals, problems)
    with reading(path, problems) as place:
        lines = open_lines(path)
        place.row, header = read_header(lines, separator)
        if reader.start(header, find):
            for line in lines:
                place.row += 1
                reader.take(place.row, line)
            return reader.finish()
    return None


class _Columns:
    """Takes lines and gathers the columns of the genes asked for."""

    def __init__(
        self, path: Path, genes: set[str], separator: str, totals: Totals, problems: Problems
    ) -> None:
        self.path, self.genes, self.separator = path, genes, separator
        self.asked, self.problems = totals, problems
        self.samples: dict[str, int] = {}
        self.values: list[np.ndarray] = []
        self.totals: list[float] = []

    def start(self, header: list[str], find: FindLayout) -> bool:
        """Reads the header; whether the rows can be read."""
        layout = find(header)
        if layout is None:
            return False
        self.header, self.identifier = header, layout.names[0]
        apart = {self.identifier, *layout.leave}
        columns = [i for i, name in enumerate(header) if i not in apart and name]
        self.wanted = [i for i in columns if current_symbol(header[i]) in self.genes]
        self.seen = [header[i] for i in columns]
        self.summed = [i for i in columns if not header[i].startswith(NO_GENE)]
        if not columns:
            text = "the first row names no genes; cells are separated by "
            text += {"\t": "tabs", ",": "commas"}[self.separator]
            self.problems.add(self.path, text, row=1)
        for name in duplicates([header[i] for i in self.wanted]):
            self.problems.add(self.path, "the header names this gene twice", row=1, column=name)
        return bool(columns)

    def take(self, number: int, line: bytes) -> None:
        """One row."""
        if line.isspace():
            return
        cells = split(line, self.separator)
        if len(cells) != len(self.header):
            text = f"{len(cells)} cells, the header has {len(self.header)}"
            self.problems.add(self.path, text, row=number)
            return
        name = cells[self.identifier]
        if not name or name in self.samples:
            told = f"sample {name!r} has two rows" if name else "the sample has no name"
            self.problems.add(self.path, told, row=number)
            return
        self.samples[name] = number
        self.values.append(self._numbers(number, cells, self.wanted))
        if self.asked == "all" or (self.asked != "none" and len(self.samples) <= PROBED):
            numbers = self._numbers(number, cells, self.summed)
            if self.asked == "probe_log2":
                numbers = np.exp2(np.minimum(numbers, 64.0)) - 1
            self.totals.append(float(np.nansum(numbers)))
        else:
            self.totals.append(np.nan)

    def _numbers(self, number: int, cells: list[str], columns: list[int]) -> np.ndarray:
        numbers, wrong = to_floats([cells[i] for i in columns])
        if wrong is not None:
            text = not_finite(cells[columns[wrong]], cells[self.identifier])
            self.problems.add(self.path, text, row=number, column=self.header[columns[wrong]])
        return numbers

    def finish(self) -> RawMatrix | None:
        """What was gathered."""
        if not self.samples:
            self.problems.add(self.path, "the table has a header and no rows")
            return None
        values = np.stack(self.values, axis=1)
        genes: dict[str, list[Measured]] = {}
        for position, numbers in zip(self.wanted, values, strict=True):
            name = self.header[position]
            genes.setdefault(current_symbol(name), []).append(Measured(name, 0, numbers))
        samples, lines = list(self.samples), list(self.samples.values())
        return RawMatrix(samples, lines, genes, self.seen, np.array(self.totals))

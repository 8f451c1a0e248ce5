"""The core of all expression readers: one line at a time, keeping only the genes asked for."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np

from data_modules.gene_names import current_symbol
from data_modules.problems import Problems
from data_modules.sources.cells import duplicates, not_finite, split, to_floats, whole_numbers
from data_modules.sources.lines import open_lines, reading

# Of so many samples the sum over all genes is taken where it only serves to recognise a scale.
PROBED = 32
# Rows of counting programs that count reads outside genes.
NO_GENE = ("__", "N_unmapped", "N_multimapping", "N_noFeature", "N_ambiguous")

# Sums over all genes of the file: of no sample, of the first ones as they are, of the first ones
# after undoing log2(x + 1), of all.
Totals = Literal["none", "probe", "probe_log2", "all"]


class Measured(NamedTuple):
    """One gene as one row (or column) of a file has it.

    Attributes:
        name: As the file writes it.
        row: Its line; 0 where genes are in columns.
        numbers: By sample, NaN where missing.
    """

    name: str
    row: int
    numbers: np.ndarray


class RawMatrix(NamedTuple):
    """What was read, on the scale of the file.

    Attributes:
        samples: As the file names them.
        lines: Of the samples where each has a row; empty where they have columns.
        genes: Under current symbols, those asked for and found; each at least once.
        seen: Names of all genes of the file.
        totals: By sample, NaN where not asked for.
    """

    samples: list[str]
    lines: list[int]
    genes: dict[str, list[Measured]]
    seen: list[str]
    totals: np.ndarray

    def place(self, measured: Measured, sample: int) -> int:
        """The line on which a value stands."""
        return measured.row or self.lines[sample]


class Layout(NamedTuple):
    """Which columns of a file hold what.

    Attributes:
        names: Columns that name the gene, the first that is not empty counting.
        leave: Other columns that are no samples.
    """

    names: tuple[int, ...]
    leave: frozenset[int] = frozenset()


FindLayout = Callable[[list[str]], Layout | None]


def read_rows(
    path: Path,
    genes: Collection[str],
    find: FindLayout,
    problems: Problems,
    *,
    separator: str = "\t",
    comment: str = "",
    totals: Totals = "none",
) -> RawMatrix | None:
    """Reads a matrix with genes in rows.

    Args:
        path: Text, plain or packed with gzip.
        genes: Current symbols.
        find: From the header to the layout; None where it has none, which it reports.
        problems: Where they go.
        separator: Of cells.
        comment: Lines that begin with it before the header are passed over.
        totals: Which sums to take.

    Returns:
        None where the file cannot be used.
    """
    reader = _Rows(path, set(genes), separator, totals, problems)
    with reading(path, problems) as place:
        lines = open_lines(path)
        place.row, header = read_header(lines, separator, comment)
        if reader.start(header, place.row, find):
            for line in lines:
                place.row += 1
                reader.take(place.row, line)
            return RawMatrix(reader.samples, [], reader.genes, reader.seen, reader.totals)
    return None


def read_header(lines: Iterator[bytes], separator: str, comment: str = "") -> tuple[int, list[str]]:
    """The first line that is no comment, and its number.

    Raises:
        UnicodeDecodeError: It is no UTF-8.
    """
    for number, line in enumerate(lines, start=1):
        if not comment or not line.startswith(comment.encode()):
            return number, split(line, separator)
    return 1, []


def check_samples(samples: list[str], path: Path, problems: Problems, *, row: int) -> None:
    """Samples have names, and no two have one name."""
    for position, name in enumerate(samples, start=1):
        if not name:
            problems.add(path, f"sample {position} of {len(samples)} has no name", row=row)
    for name in duplicates([name for name in samples if name]):
        problems.add(path, "the header names this sample twice", row=row, column=name)


class _Rows:
    """Takes lines and gathers the genes; its state is what `RawMatrix` hands on."""

    def __init__(
        self, path: Path, genes: set[str], separator: str, totals: Totals, problems: Problems
    ) -> None:
        self.path, self.wanted, self.separator = path, genes, separator
        self.asked, self.problems = totals, problems
        self.genes: dict[str, list[Measured]] = {}
        self.seen: list[str] = []

    def start(self, header: list[str], row: int, find: FindLayout) -> bool:
        """Reads the header; whether the rows can be read."""
        layout = find(header)
        if layout is None:
            return False
        self.width = len(header)
        self.names = layout.names
        apart = {*layout.names, *layout.leave}
        self.columns = [column for column in range(self.width) if column not in apart]
        # Where all samples stand after the names, they can be cut off as one piece.
        self.first = max(apart) + 1
        self.together = self.columns == list(range(self.first, self.width))
        self.samples = [header[column] for column in self.columns]
        count = len(self.samples)
        self.probed = {"none": 0, "all": count}.get(self.asked, min(PROBED, count))
        self.totals = np.full(count, np.nan)
        self.totals[: self.probed] = 0.0
        if not self.samples or not any(self.samples):
            self.problems.add(
                self.path,
                "the first row names no samples; cells are separated by "
                + {"\t": "tabs", ",": "commas"}[self.separator],
                row=row,
            )
            return False
        check_samples(self.samples, self.path, self.problems, row=row)
        return True

    def take(self, number: int, line: bytes) -> None:
        """One row."""
        body = line.rstrip(b"\r\n")
        if not body or body.isspace():
            return
        last = max(self.names) + 1
        cells = split(body, self.separator) if b'"' in body else None
        found = len(cells) if cells is not None else self._count(body)
        front = body.split(self.separator.encode(), last)[:last]
        picked = cells or [cell.decode().strip() for cell in front]
        named = [picked[c] for c in self.names if c < len(picked) and picked[c]]
        gene = self._gene(number, named)
        if found != self.width:
            self._ragged(number, found, gene)
            return
        name = named[0] if named else ""
        if name:
            self.seen.append(name)
        numbers = None
        if gene:
            cells = cells or split(body, self.separator)
            numbers = self._numbers(number, [cells[c] for c in self.columns], gene)
            self.genes.setdefault(gene, []).append(Measured(name, number, numbers))
        if self.probed and not name.startswith(NO_GENE):
            self._add(number, body, cells, numbers)

    def _numbers(self, number: int, cells: list[str], gene: str | None) -> np.ndarray:
        numbers, wrong = to_floats(cells)
        if wrong is not None:
            text = not_finite(cells[wrong], self.samples[wrong])
            self.problems.add(self.path, text, row=number, column=gene)
        return numbers

    def _count(self, body: bytes) -> int:
        code = ord(self.separator)
        return int(np.count_nonzero(np.frombuffer(body, np.uint8) == code)) + 1

    def _gene(self, number: int, names: list[str]) -> str:
        """The gene of the row, if it is asked for; names of two such genes are a problem."""
        genes = sorted({current_symbol(name) for name in names} & self.wanted)
        if len(genes) > 1:
            text = f"one row is named {' and '.join(names)}, which are two genes"
            self.problems.add(self.path, text, row=number)
        return genes[0] if genes else ""

    def _ragged(self, number: int, found: int, gene: str) -> None:
        apart = self.width - len(self.samples)
        hint = ""
        if found == self.width + 1 and not self.seen:
            hint = "; R writes a name over its row names with write.table(…, col.names = NA)"
        self.problems.add(
            self.path,
            f"{max(found - apart, 0)} values for {len(self.samples)} samples of the header{hint}",
            row=number,
            column=gene or None,
        )
        if gene:  # told already, so that it is not told as missing too
            nothing = np.full(len(self.samples), np.nan)
            self.genes.setdefault(gene, []).append(Measured(gene, number, nothing))

    def _add(
        self, number: int, body: bytes, cells: list[str] | None, numbers: np.ndarray | None
    ) -> None:
        """Adds a row to the sums over all genes."""
        n = self.probed
        if self.asked == "all" and self.together and cells is None:
            rest = body.split(self.separator.encode(), self.first)[self.first]
            whole = whole_numbers(rest, self.separator, n)
            if whole is not None:
                self.totals += whole
                return
        if numbers is None:
            if cells is None:
                last = self.columns[n - 1] + 1
                parts = body.split(self.separator.encode(), last)[:last]
                cells = [part.decode().strip() for part in parts]
            numbers = self._numbers(number, [cells[c] for c in self.columns[:n]], None)
        part = numbers[:n]
        if self.asked == "probe_log2":
            part = np.exp2(np.minimum(part, 64.0)) - 1
        self.totals[:n] += np.nan_to_num(part)

"""The expression matrix of a cohort: patients by genes, log2, checked, from any of the formats."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from data_modules.gene_names import current_symbol
from data_modules.gene_table import GeneTable
from data_modules.genes import nearest
from data_modules.problems import Problems
from data_modules.samples import choose_samples
from data_modules.scales import LOG2, check_scale, to_log2
from data_modules.sources.cbioportal_matrix import read_cbioportal
from data_modules.sources.expression_table import read_expression_table
from data_modules.sources.matrix import Measured, RawMatrix, Totals
from data_modules.sources.xena import read_xena

# Identical but for the digits that a program wrote.
SAME = 1e-4


class Expression(NamedTuple):
    """Expression of a cohort.

    Attributes:
        matrix: Patients by genes, log2, NaN where not measured; a gene that the matrix lacks and
            the manifest masks is NaN for everybody.
        notes: What was not used, and what is masked.
    """

    matrix: pd.DataFrame
    notes: tuple[str, ...]


def read_matrix(
    path: Path, table: GeneTable, genes: Sequence[str], problems: Problems
) -> Expression | None:
    """Reads the genes asked for, in their order.

    Args:
        path: Of the matrix.
        table: How it is to be read.
        genes: Current symbols.
        problems: A file that cannot be read, numbers that are not on the declared scale, genes that
            are missing or have rows that differ, and patients with several samples go here.

    Returns:
        None where there was a problem.
    """
    before = len(problems.found)
    raw = _read(path, table, genes, problems)
    if raw is None:
        return None
    absent = [gene for gene in genes if gene not in raw.genes]
    _check_absent(absent, genes, raw, table, path, problems)
    chosen = choose_samples(raw.samples, table.sample_suffix)
    _check_samples(chosen.patients, raw.samples, table, path, problems)
    columns = {}
    if _check_scale(raw, table, path, problems):
        columns = {gene: _one_row(gene, raw, table, path, problems) for gene in raw.genes}
    if len(problems.found) > before:
        return None
    notes = list(chosen.notes)
    several = {p: at for p, at in chosen.patients.items() if len(at) > 1}
    if several and table.samples == "first":
        unused = [raw.samples[position] for at in several.values() for position in at[1:]]
        notes.append(f"{len(unused)} further samples of a patient not used: {_some(unused)}")
    elif several:
        notes.append(f"the mean of several samples for {len(several)}: {_some(list(several))}")
    if absent:
        notes.append(f"{len(absent)} of {len(genes)} genes not measured, masked: {_some(absent)}")
    matrix = np.full((len(raw.samples), len(genes)), np.nan)
    for position, gene in enumerate(genes):
        if gene in columns:
            matrix[:, position] = columns[gene]
    chosen_rows = [_one_sample(matrix[at], table) for at in chosen.patients.values()]
    index = pd.Index(list(chosen.patients), dtype=str, name="patient_id")
    frame = pd.DataFrame(np.stack(chosen_rows), index=index, columns=list(genes))
    return Expression(frame, tuple(notes))


def _read(
    path: Path, table: GeneTable, genes: Sequence[str], problems: Problems
) -> RawMatrix | None:
    totals: Totals = "probe_log2" if table.scale in LOG2 else "probe"
    totals = {"counts": "all", "microarray": "none"}.get(table.scale, totals)  # type: ignore[assignment]
    if table.format == "xena":
        return read_xena(path, genes, problems, totals=totals)
    if table.format == "cbioportal":
        return read_cbioportal(path, genes, problems, totals=totals)
    return read_expression_table(
        path,
        genes,
        problems,
        genes_in=table.genes_in,
        identifier=table.id,
        drop=table.drop,
        totals=totals,
    )


def _check_absent(
    absent: list[str],
    genes: Sequence[str],
    raw: RawMatrix,
    table: GeneTable,
    path: Path,
    problems: Problems,
) -> None:
    """Genes that the matrix lacks are refused, or masked if they are no more than half."""
    if table.missing == "mask" and 2 * len(absent) <= len(genes):
        return
    if table.missing == "mask":
        text = f"{len(absent)} of the {len(genes)} genes are missing, more than half: are these "
        problems.add(path, f"{text}the names of genes? The first is {_first(raw.seen)}")
        return
    other = {name for name in raw.seen if current_symbol(name) not in raw.genes}
    for gene in absent:
        text = f"no {'row' if table.genes_in == 'rows' else 'column'} for this gene"
        way_out = nearest(gene, other) or "; `missing: mask` masks it"
        problems.add(path, text + way_out, column=gene)


def _check_scale(raw: RawMatrix, table: GeneTable, path: Path, problems: Problems) -> bool:
    """Whether the numbers can be on the declared scale."""
    measured = [m for rows in raw.genes.values() for m in rows]
    stacked = np.stack([m.numbers for m in measured]) if measured else np.zeros((0, 0))
    places = np.argwhere(np.isfinite(stacked))
    finite = stacked[np.isfinite(stacked)]
    mismatch = check_scale(finite, table.scale, raw.totals, len(raw.seen))
    if mismatch is None:
        nothing = ~(raw.totals > 0) & (table.scale == "counts")
        for position in np.flatnonzero(nothing):
            text = "the counts of all genes sum to nothing"
            problems.add(path, text, column=raw.samples[position])
        return not nothing.any()
    declared = f"the scale is declared as {table.scale}"
    if mismatch.position is None:
        problems.add(path, f"{declared}: {mismatch.message}")
        return False
    gene, sample = places[mismatch.position]
    value, _, rest = mismatch.message.partition(" ")
    problems.add(
        path,
        f"{value} of sample {raw.samples[sample]} {rest}: {declared}",
        row=raw.place(measured[gene], int(sample)),
        column=measured[gene].name,
    )
    return False


def _one_row(
    gene: str, raw: RawMatrix, table: GeneTable, path: Path, problems: Problems
) -> np.ndarray:
    """Log2 values of a gene; of several rows that differ, what the manifest says."""
    rows = raw.genes[gene]
    values = np.stack([to_log2(row.numbers, table.scale, raw.totals) for row in rows])
    one: np.ndarray = values[0]
    if len(rows) == 1 or np.allclose(values, one, rtol=0, atol=SAME, equal_nan=True):
        return one
    if table.repeated == "refuse":
        where = _described(rows)
        problems.add(
            path,
            f"the gene has two {where}, which differ; `repeated: mean` or `repeated: max` says "
            "what to do",
            row=rows[1].row or None,
            column=gene,
        )
        return one
    if table.repeated == "mean":
        return _mean(values)
    # Whole rows, so that no patient is measured by another probe than the others.
    means = np.nan_to_num(_mean(values.T), nan=-np.inf)
    highest: np.ndarray = values[int(np.argmax(means))]
    return highest


def _described(rows: list[Measured]) -> str:
    if rows[0].row == 0:
        return f"columns ({', '.join(row.name for row in rows)})"
    return f"rows ({', '.join(f'{row.row} as {row.name}' for row in rows)})"


def _check_samples(
    patients: dict[str, list[int]],
    samples: list[str],
    table: GeneTable,
    path: Path,
    problems: Problems,
) -> None:
    if not patients and table.sample_suffix:
        text = f"no sample ends in {table.sample_suffix!r}; the first is {_first(samples)}"
        problems.add(path, text)
    elif not patients:
        text = "no sample is of a primary tumour; `sample_suffix` says which to use, the first is "
        problems.add(path, text + _first(samples))
    if table.samples != "refuse":
        return
    for patient, positions in patients.items():
        # Columns of one name are told where the header is read.
        if len({samples[position] for position in positions}) > 1:
            names = " and ".join(samples[position] for position in positions)
            problems.add(
                path,
                f"two samples of one patient: {names}; `samples: first` or `samples: mean` says "
                "what to do",
                row=1,
                column=patient,
            )


def _one_sample(samples: np.ndarray, table: GeneTable) -> np.ndarray:
    """Genes of a patient, from samples by genes."""
    return _mean(samples) if table.samples == "mean" else samples[0]


def _mean(values: np.ndarray) -> np.ndarray:
    """The mean over the first axis of what was measured, NaN where nothing was."""
    known = np.isfinite(values)
    count = known.sum(axis=0)
    total = np.where(known, values, 0.0).sum(axis=0)
    nothing = np.full(total.shape, np.nan)
    mean: np.ndarray = np.divide(total, count, out=nothing, where=count > 0)
    return mean


def _first(names: Sequence[str]) -> str:
    return repr(names[0]) if names else "missing"


def _some(names: Sequence[str]) -> str:
    rest = len(names) - 6
    return ", ".join(names[:6]) + (f" and {rest} more" if rest > 0 else "")

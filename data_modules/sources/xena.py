"""UCSC Xena matrices: genes in rows, samples in columns, log2(RSEM + 1)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from data_modules.genes import ALIASES, current_symbol, nearest
from data_modules.problems import Problems
from data_modules.sources.table import MISSING

# log2(RSEM + 1) of any gene of any tumour lies in here; outside, the scale is another one.
LOWEST, HIGHEST = 0.0, 26.0


def read_xena(
    path: Path, genes: tuple[str, ...], sample_suffix: str, problems: Problems
) -> pd.DataFrame | None:
    """Expression of the genes asked for; other rows are passed over as they are read.

    Args:
        path: Tab-separated; the first column holds symbols, current or older.
        genes: Current symbols, in the order wanted.
        sample_suffix: Ending that marks the samples to use, such as -01 for primary tumours; it is
            cut off to give the patient. Samples without it are left out.
        problems: A missing file, unknown genes, repeated genes or patients, values that are no
            numbers or not on the declared scale go here.

    Returns:
        Patients by genes, NaN where a value is missing; None where the file cannot be used.
    """
    try:
        with path.open(encoding="utf-8-sig") as lines:
            header = _cells(lines.readline())
            wanted = set(genes) | {old for old, new in ALIASES.items() if new in genes}
            seen: list[str] = []
            rows: dict[str, tuple[int, list[str]]] = {}
            for number, line in enumerate(lines, start=2):
                symbol = _cells(line.split("\t", 1)[0])[0]
                seen.append(symbol)
                if symbol not in wanted:
                    continue
                if current_symbol(symbol) in rows:
                    problems.add(path, "the gene has two rows", row=number, column=symbol)
                rows[current_symbol(symbol)] = (number, _cells(line)[1:])
    except FileNotFoundError:
        problems.add(path, "the file does not exist")
        return None
    except (UnicodeDecodeError, OSError) as error:
        problems.add(path, f"cannot be read as a matrix: {error}")
        return None
    samples = header[1:]
    if not any(samples):
        problems.add(path, "the first row names no samples; cells are separated by tabs", row=1)
        return None
    missing = [gene for gene in genes if gene not in rows]
    for gene in missing:
        hint = nearest(gene, set(seen) - rows.keys())
        problems.add(path, f"no row for this gene{hint}", column=gene)
    for gene, (number, values) in rows.items():
        if len(values) != len(samples):
            problems.add(
                path,
                f"{len(values)} values for {len(samples)} samples of the header",
                row=number,
                column=gene,
            )
            missing.append(gene)
    if missing:
        return None
    matrix = pd.DataFrame(
        {gene: _numbers(path, gene, samples, *rows[gene], problems) for gene in genes},
        index=samples,
    )
    return _one_sample_a_patient(path, matrix, sample_suffix, problems)


def _cells(line: str) -> list[str]:
    """Cells of a line, without the quotes that some programs write around text."""
    return [cell.strip().strip('"').strip() for cell in line.split("\t")]


def _numbers(
    path: Path, gene: str, samples: list[str], row: int, values: list[str], problems: Problems
) -> np.ndarray:
    text = pd.Series(values, dtype=object)
    absent = text.isin(MISSING)
    numbers = pd.to_numeric(text.where(~absent), errors="coerce").to_numpy(dtype=float)
    bad = ~absent.to_numpy() & ~np.isfinite(numbers)
    if bad.any():
        first = int(np.flatnonzero(bad)[0])
        problems.add(
            path,
            f"{text[first]!r} of sample {samples[first]} is not a finite number",
            row=row,
            column=gene,
        )
    outside = np.isfinite(numbers) & ((numbers < LOWEST) | (numbers > HIGHEST))
    if outside.any():
        first = int(np.flatnonzero(outside)[0])
        problems.add(
            path,
            f"{numbers[first]:g} of sample {samples[first]} cannot be log2(RSEM + 1), which lies "
            f"between {LOWEST:g} and {HIGHEST:g}: the declared scale is not that of the values",
            row=row,
            column=gene,
        )
    return numbers


def _one_sample_a_patient(
    path: Path, matrix: pd.DataFrame, suffix: str, problems: Problems
) -> pd.DataFrame:
    chosen = matrix[[name.endswith(suffix) for name in matrix.index]]
    if chosen.empty:
        problems.add(path, f"no sample ends in {suffix!r}; the first is {matrix.index[0]!r}")
    patients = [name.removesuffix(suffix) for name in chosen.index]
    for patient in sorted({p for p in patients if patients.count(p) > 1}):
        problems.add(path, "two samples of one patient", row=1, column=patient)
    return chosen.set_axis(pd.Index(patients, dtype=str, name="patient_id"))

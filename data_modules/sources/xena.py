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
            header = lines.readline().rstrip("\r\n").split("\t")
            wanted = set(genes) | {old for old, new in ALIASES.items() if new in genes}
            seen: list[str] = []
            rows: dict[str, tuple[int, list[str]]] = {}
            for number, line in enumerate(lines, start=2):
                symbol = line.split("\t", 1)[0].strip()
                seen.append(symbol)
                if symbol not in wanted:
                    continue
                if current_symbol(symbol) in rows:
                    problems.add(path, "the gene has two rows", row=number, column=symbol)
                rows[current_symbol(symbol)] = (number, line.rstrip("\r\n").split("\t")[1:])
    except FileNotFoundError:
        problems.add(path, "the file does not exist")
        return None
    except (UnicodeDecodeError, OSError) as error:
        problems.add(path, f"cannot be read as a matrix: {error}")
        return None
    missing = [gene for gene in genes if gene not in rows]
    for gene in missing:
        hint = nearest(gene, set(seen) - rows.keys())
        problems.add(path, f"no row for this gene{hint}", column=gene)
    samples = [name.strip() for name in header[1:]]
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
        {gene: _numbers(path, gene, *rows[gene], problems) for gene in genes}, index=samples
    )
    return _one_sample_a_patient(path, matrix, sample_suffix, problems)


def _numbers(
    path: Path, gene: str, row: int, values: list[str], problems: Problems
) -> np.ndarray:
    text = pd.Series(values, dtype=object).str.strip()
    absent = text.isin(MISSING)
    numbers = pd.to_numeric(text.where(~absent), errors="coerce").to_numpy(dtype=float)
    bad = ~absent.to_numpy() & ~np.isfinite(numbers)
    if bad.any():
        problems.add(
            path, f"{text[bad].iloc[0]!r} is not a finite number", row=row, column=gene
        )
    outside = np.isfinite(numbers) & ((numbers < LOWEST) | (numbers > HIGHEST))
    if outside.any():
        problems.add(
            path,
            f"{numbers[outside][0]:g} cannot be log2(RSEM + 1), which lies between {LOWEST:g} and "
            f"{HIGHEST:g}: the declared scale is not that of the values",
            row=row,
            column=gene,
        )
    return numbers


def _one_sample_a_patient(
    path: Path, matrix: pd.DataFrame, suffix: str, problems: Problems
) -> pd.DataFrame:
    chosen = matrix[[name.endswith(suffix) for name in matrix.index]]
    if chosen.empty:
        problems.add(path, f"no sample ends in {suffix!r}; samples are like {matrix.index[0]!r}")
    patients = [name.removesuffix(suffix) for name in chosen.index]
    for patient in sorted({p for p in patients if patients.count(p) > 1}):
        problems.add(path, "two samples of one patient", row=1, column=patient)
    return chosen.set_axis(pd.Index(patients, dtype=str, name="patient_id"))

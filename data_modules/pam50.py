"""Intrinsic subtypes of breast cancer: the nearest PAM50 centroid by rank correlation.

Parker et al., Supervised risk predictor of breast cancer based on intrinsic subtypes, J Clin Oncol
2009, doi:10.1200/JCO.2008.18.1370.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from scipy.stats import rankdata

from data_modules.gene_names import current_symbol
from data_modules.problems import Problems
from data_modules.sources.cells import split, to_floats
from data_modules.sources.lines import open_lines, reading

# Of the genes of the centroids, a call needs this share: with fewer, ranks say little.
NEEDED = 0.8
# Of each group, where the centre of a gene is balanced between two.
FEWEST = 10
# What genefu writes before the values of a centroid.
GENEFU = "# centroid."


def balanced_median(values: np.ndarray, weights: np.ndarray) -> float:
    """The weighted median; with equal weights the median. NaN without a value of positive weight.

    Example:
        >>> balanced_median(np.array([1.0, 2.0, 9.0, np.nan]), np.ones(4))
        2.0
        >>> balanced_median(np.array([1.0, 2.0, 3.0, 9.0]), np.array([1.0, 1.0, 1.0, 3.0]))
        6.0
    """
    use = np.isfinite(values) & (weights > 0)
    if not use.any():
        return float("nan")
    order = np.argsort(values[use], kind="stable")
    sorted_values, upto = values[use][order], np.cumsum(weights[use][order])
    half = upto[-1] / 2
    at = int(np.searchsorted(upto, half * (1 - 1e-12)))
    between = at + 1 < len(upto) and bool(np.isclose(upto[at], half, rtol=1e-12))
    return float((sorted_values[at] + sorted_values[at + between]) / 2)


def gene_centres(expression: pd.DataFrame, groups: pd.Series | None = None) -> pd.Series:
    """The median of every gene, over all patients or with two groups of the same weight.

    The centroids are of a cohort with about as many oestrogen-receptor-negative tumours as positive
    ones, and a tumour is compared with the centre of the cohort it is called in: where nearly all
    are of one kind, the plain median moves and calls with it.

    Args:
        expression: Patients by genes, log2.
        groups: Of the patients; those without one do not count. None weighs everybody the same.

    Example:
        >>> table = pd.DataFrame({"ESR1": [9.0, 9.0, 10.0, 1.0]}, index=list("abcd"))
        >>> float(gene_centres(table)["ESR1"])
        9.0
        >>> float(gene_centres(table, pd.Series(["+", "+", "+", "-"], index=list("abcd")))["ESR1"])
        5.0
    """
    weights: np.ndarray = np.ones(len(expression))
    if groups is not None:
        of_group = groups.reindex(expression.index)
        weights = (1.0 / of_group.map(of_group.value_counts())).fillna(0.0).to_numpy(dtype=float)
    numbers = expression.to_numpy(dtype=float)
    return pd.Series(
        [balanced_median(numbers[:, i], weights) for i in range(numbers.shape[1])],
        index=expression.columns,
        dtype=float,
    )


def call_subtypes(
    expression: pd.DataFrame, centroids: pd.DataFrame, centres: pd.Series
) -> pd.DataFrame:
    r"""The subtype whose centroid has the highest Spearman correlation with a patient.

    A patient's value of a gene is its distance to the centre of the gene; the correlation is over
    the genes that are measured, and a patient with less than `NEEDED` of them has no call.

    Args:
        expression: Patients by genes, log2.
        centroids: Genes by subtypes.
        centres: By gene; see `gene_centres`.

    Returns:
        By patient `subtype` (None without a call), its `correlation`, the `runner_up`, the
        `margin` between the two correlations, `genes` measured, and the correlation with every
        centroid under its name.

    Example:
        >>> centroids = pd.DataFrame(
        ...     {"Basal": [2.0, 1.0, -1.0, -2.0], "LumA": [-2.0, 0.0, 1.0, 2.0]}, index=list("abcd")
        ... )
        >>> patients = pd.DataFrame([[9.0, 8.0, 2.0, 1.0]], index=["P1"], columns=list("abcd"))
        >>> call = call_subtypes(patients, centroids, pd.Series(5.0, index=list("abcd"))).loc["P1"]
        >>> call["subtype"], call["runner_up"], float(round(call["margin"], 2))
        ('Basal', 'LumA', 2.0)
    """
    genes = [gene for gene in centroids.index if gene in expression.columns]
    values = (expression[genes] - centres[genes]).to_numpy(dtype=float)
    known = np.isfinite(values)
    names = list(centroids.columns)
    correlations = np.full((len(values), len(names)), np.nan)
    patterns, of_pattern = np.unique(known, axis=0, return_inverse=True)
    for number, pattern in enumerate(patterns):
        if pattern.sum() < NEEDED * len(centroids):
            continue
        rows = np.flatnonzero(of_pattern.reshape(-1) == number)
        ranks = _standardised(rankdata(values[rows][:, pattern], axis=1))
        target = centroids.loc[[g for g, k in zip(genes, pattern, strict=True) if k]]
        correlations[rows] = ranks @ _standardised(rankdata(target.to_numpy().T, axis=1)).T
    called = np.isfinite(correlations).all(axis=1)
    order = np.argsort(-correlations, axis=1, kind="stable")
    best, second = order[:, 0], order[:, 1]
    row = np.arange(len(values))
    table = pd.DataFrame(
        {
            "subtype": [names[i] if ok else None for i, ok in zip(best, called, strict=True)],
            "correlation": correlations[row, best],
            "runner_up": [names[i] if ok else None for i, ok in zip(second, called, strict=True)],
            "margin": correlations[row, best] - correlations[row, second],
            "genes": known.sum(axis=1),
        },
        index=expression.index,
    )
    return table.join(pd.DataFrame(correlations, index=expression.index, columns=names))


def _standardised(ranks: np.ndarray) -> np.ndarray:
    """Rows of length one around zero, so that products of rows are correlations."""
    centred = ranks - ranks.mean(axis=1, keepdims=True)
    length = np.sqrt((centred**2).sum(axis=1, keepdims=True))
    nothing = np.full_like(centred, np.nan)
    divided: np.ndarray = np.divide(centred, length, out=nothing, where=length > 0)
    return divided


def read_centroids(path: Path, problems: Problems) -> pd.DataFrame | None:
    """Genes by subtypes: the published table pam50_centroids.txt, or genefu's model as CSV.

    Args:
        path: Tab-separated with genes in rows; or a CSV of probes beneath one comment a centroid.
        problems: A file of another layout, and cells that are no numbers, go here.
    """
    rows: dict[int, list[str]] = {}
    models: dict[str, list[str]] = {}
    before = len(problems.found)
    with reading(path, problems) as place:
        for line in open_lines(path):
            place.row += 1
            text = line.decode().strip("\r\n")
            if text.startswith(GENEFU):
                name, _, values = text.removeprefix(GENEFU).partition(":")
                models[name.strip()] = values.split()
            elif text.strip() and not text.startswith("#"):
                rows[place.row] = split(line, "," if models else "\t")
    if len(problems.found) > before:
        return None
    header = rows.pop(min(rows))[1:] if rows else []
    names = list(models) or header
    if models:
        lengths = {len(values) for values in models.values()}
        if lengths != {len(rows)}:
            problems.add(path, f"centroids of {sorted(lengths)} values for {len(rows)} genes")
            return None
        by_gene = zip(*models.values(), strict=True)
        rows = {row: [rows[row][0], *cells] for row, cells in zip(rows, by_gene, strict=True)}
    return _table(names, rows, path, problems)


def _table(
    names: list[str], rows: dict[int, list[str]], path: Path, problems: Problems
) -> pd.DataFrame | None:
    before = len(problems.found)
    if len(names) < 2 or len(set(names)) < len(names) or not all(names):
        text = f"a table of centroids names at least two subtypes in its first row, found {names}"
        problems.add(path, text)
    values = {}
    for row, (gene, *cells) in rows.items():
        if len(cells) != len(names):
            problems.add(path, f"{len(cells)} values for {len(names)} subtypes", row=row)
            continue
        numbers, wrong = to_floats(cells)
        if wrong is not None or not np.isfinite(numbers).all():
            found = cells[int(np.flatnonzero(~np.isfinite(numbers))[0])]
            problems.add(path, f"{found!r} is no number", row=row, column=gene)
        if current_symbol(gene) in values:
            problems.add(path, "the gene has two rows", row=row, column=gene)
        values[current_symbol(gene)] = numbers
    if len(problems.found) > before:
        return None
    if len(values) < 3:
        problems.add(path, f"holds {len(values)} genes, too few for a correlation")
        return None
    return pd.DataFrame.from_dict(values, orient="index", columns=names)

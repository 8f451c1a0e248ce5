"""Folds that keep a site of collection together: hospitals differ in stain, scanner and patients.

Source: Howard et al., The impact of site-specific digital histology signatures on deep learning
model accuracy and bias, 2021, doi:10.1038/s41467-021-24698-1.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pandas as pd

from data_modules.barcodes import BARCODE

# Starts of the search for the best balance.
STARTS = 8
# A site with fewer events is no fold of its own when sites are left out one by one.
FEWEST_SITE_EVENTS = 10
POOLED = "the other sites"


def sites_of(table: pd.DataFrame) -> tuple[pd.Series, bool]:
    """Site of every patient; that of the TCGA barcode where the manifest names no column.

    Args:
        table: Of the cohort.

    Returns:
        The sites, NaN where unknown, and whether they were read from barcodes.
    """
    if table["site"].notna().any():
        return table["site"], False
    found = [BARCODE.fullmatch(str(patient)) for patient in table.index]
    return pd.Series([m[1] if m else None for m in found], table.index, dtype=object), True


def deal_sites(
    site: Sequence[str], stratum: np.ndarray, parts: int, rng: np.random.Generator
) -> np.ndarray:
    r"""Deals whole sites into parts that are alike in every stratum.

    Minimises, over parts p and strata s with counts :math:`n_{ps}` and totals :math:`N_s`,

    .. math:: \sum_{p,s} \frac{(n_{ps} - N_s / P)^2}{N_s} + \sum_p \frac{(n_p - N / P)^2}{N},

    by dealing large sites first to where they cost least, then moving and exchanging sites while
    that helps, from several starts.

    Args:
        site: Of every patient.
        stratum: Of every patient.
        parts: At most as many as there are sites.
        rng: Of the order among equals.

    Returns:
        Part of every patient, from 0.

    Example:
        >>> site = ["a", "a", "b", "c", "c", "d"]
        >>> part = deal_sites(site, np.zeros(6), 2, np.random.default_rng(0))
        >>> np.bincount(part).tolist(), bool(part[0] == part[1])
        ([3, 3], True)
    """
    names, of_site = np.unique(np.asarray(site, dtype=str), return_inverse=True)
    strata, of_stratum = np.unique(stratum.astype(str), return_inverse=True)
    counts = np.zeros((len(names), len(strata) + 1))
    np.add.at(counts, (of_site, of_stratum), 1)
    counts[:, -1] = counts[:, :-1].sum(axis=1)
    counts = counts / np.sqrt(counts.sum(axis=0))
    best, least = np.zeros(len(names), dtype=int), math.inf
    for _ in range(STARTS):
        place = _improved(_greedy(counts, parts, rng), counts, parts)
        cost = _cost(place, counts, parts)
        if cost < least - 1e-12:
            best, least = place, cost
    return best[of_site]


def _sums(place: np.ndarray, counts: np.ndarray, parts: int) -> np.ndarray:
    sums = np.zeros((parts, counts.shape[1]))
    np.add.at(sums, place, counts)
    return sums


def _cost(place: np.ndarray, counts: np.ndarray, parts: int) -> float:
    return float(((_sums(place, counts, parts) - counts.sum(axis=0) / parts) ** 2).sum())


def _greedy(counts: np.ndarray, parts: int, rng: np.random.Generator) -> np.ndarray:
    """Large sites first, each to where the sum of squares grows least."""
    order = np.argsort(-counts[:, -1] * rng.uniform(0.8, 1.25, len(counts)), kind="stable")
    place = np.full(len(counts), -1)
    sums = np.zeros((parts, counts.shape[1]))
    for number, at in enumerate(order):
        growth = 2 * sums @ counts[at]
        # The last sites must fill parts that have none yet.
        empty = [part for part in range(parts) if part not in place]
        choices = empty if len(order) - number <= len(empty) else range(parts)
        place[at] = min(choices, key=lambda part: (growth[part], part))
        sums[place[at]] += counts[at]
    return place


def _improved(place: np.ndarray, counts: np.ndarray, parts: int) -> np.ndarray:
    """Moves and exchanges sites while the cost falls; no part is emptied."""
    while True:
        sums = _sums(place, counts, parts)
        best: list[tuple[int, int]] = []
        change = -1e-9
        for i in range(len(place)):
            own = place[i]
            alone = (place == own).sum() == 1
            for part in range(parts):
                gain = 2 * counts[i] @ (sums[part] - sums[own] + counts[i])
                if part != own and not alone and gain < change:
                    best, change = [(i, part)], float(gain)
            others = np.flatnonzero((place > own) & (np.arange(len(place)) != i))
            for j in others:
                moved = counts[j] - counts[i]
                gain = 2 * moved @ (sums[own] - sums[place[j]] + moved)
                if gain < change:
                    best, change = [(i, int(place[j])), (int(j), int(own))], float(gain)
        if not best:
            return place
        place = place.copy()
        for at, part in best:
            place[at] = part


def leave_one_site_out(site: Sequence[str], event: np.ndarray) -> tuple[np.ndarray, list[str]]:
    """One part a site that has events enough; all other sites together are the last part.

    Returns:
        Part of every patient, and the name of every part.

    Example:
        >>> site = ["a"] * 12 + ["b"] * 3
        >>> part, names = leave_one_site_out(site, np.ones(15, dtype=bool))
        >>> names, int((part == 1).sum())
        (['a', 'the other sites'], 3)
    """
    names = pd.Series(list(site), dtype=str)
    events = pd.Series(event).groupby(names.to_numpy()).sum()
    own = sorted(str(name) for name in events.index[events >= FEWEST_SITE_EVENTS])
    numbers = {name: i for i, name in enumerate(own)}
    part = names.map(numbers).fillna(len(own)).astype(int).to_numpy()
    rest = [POOLED] if (part == len(own)).any() else []
    return part, [*own, *rest]

"""C-index, Uno's C and AUC of many resamples of the same patients, from one look at every pair."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float

from mmsurv.checks import check_finite, check_follow_up

Array = np.ndarray

# Rows of the pair matrix at a time: its memory stays linear in the patients.
_BLOCK = 256


class PairSums(NamedTuple):
    """Numerators and denominators, one row a resample, one column a horizon where there are any.

    Attributes:
        concordant: Comparable pairs in the right order, ties as halves.
        comparable: Comparable pairs.
        uno_concordant: As `concordant`, weighted and truncated.
        uno_comparable: As `comparable`, weighted and truncated.
        auc_concordant: Case-control pairs in the right order, weighted.
        auc_pairs: Case-control pairs, weighted.
    """

    concordant: Float[Array, " R"]
    comparable: Float[Array, " R"]
    uno_concordant: Float[Array, "R H"]
    uno_comparable: Float[Array, "R H"]
    auc_concordant: Float[Array, "R H"]
    auc_pairs: Float[Array, "R H"]


def pair_sums(
    *,
    log_hazard: Float[Array, " n"],
    event: Bool[Array, " n"],
    time: Float[Array, " n"],
    weight: Float[Array, " n"],
    counts: Float[Array, "R n"],
    at_days: Float[Array, " H"],
) -> PairSums:
    r"""Sums over the pairs of every resample, in which patient i occurs w_i times.

    .. math:: \sum_{i,j} w_i w_j a_{ij}

    is a product of matrices for all resamples together. A patient and its copies are never
    comparable: both are events, or both censored, of one time. Time grows with the square of the
    patients, memory linearly.

    Args:
        log_hazard: eta; only its order matters.
        event: True = it happened.
        time: Positive.
        weight: 1 / G(t_i), the censoring weight at each patient's own time.
        counts: w, how often each patient occurs in each resample.
        at_days: Horizons: truncation times of Uno's C, exclusive, and times of AUC.

    Raises:
        ValueError: Input that is not usable.

    Example:
        >>> sums = pair_sums(log_hazard=np.array([2.0, 1.0]), event=np.array([True, False]),
        ...                  time=np.array([1.0, 3.0]), weight=np.ones(2),
        ...                  counts=np.array([[1.0, 1.0], [2.0, 3.0]]), at_days=np.array([2.0]))
        >>> sums.concordant.tolist(), sums.auc_pairs.tolist()
        ([1.0, 6.0], [[1.0], [6.0]])
    """
    check_follow_up(event=event, time=time)
    check_finite("log_hazard", log_hazard, len(time))
    resamples, horizons = len(counts), len(at_days)
    plain = np.zeros((2, resamples))
    uno, auc = np.zeros((2, resamples, horizons)), np.zeros((2, resamples, horizons))
    cases = np.flatnonzero(event)
    for begin in range(0, len(cases), _BLOCK):
        rows = cases[begin : begin + _BLOCK]
        later = time > time[rows, None]
        pairs = later | ((time == time[rows, None]) & ~event)
        higher = log_hazard[rows, None] - log_hazard
        concordant = pairs * ((higher > 0) + 0.5 * (higher == 0))
        own = counts[:, rows]
        led = own * (counts @ concordant.T), own * (counts @ pairs.T.astype(np.float64))
        before = (time[rows, None] < at_days) * weight[rows, None] ** 2
        for side in (0, 1):
            plain[side] += led[side].sum(axis=1)
            uno[side] += led[side] @ before
        for h, at in enumerate(at_days):
            early, beyond = time[rows] <= at, time > at
            weighted = own[:, early] * weight[rows[early]]
            share = counts[:, beyond] @ concordant[np.ix_(early, beyond)].T
            auc[0, :, h] += (weighted * share).sum(axis=1)
            auc[1, :, h] += weighted.sum(axis=1) * counts[:, beyond].sum(axis=1)
    return PairSums(*plain, *uno, *auc)

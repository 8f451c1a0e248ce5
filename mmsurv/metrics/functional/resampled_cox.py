"""The Cox coefficient of one covariate in many resamples of the same patients."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float

from mmsurv.checks import check_finite, check_follow_up

Array = np.ndarray

_STEPS = 30
_TOLERANCE = 1e-7
# Of the log hazard over one standard deviation: beyond it the likelihood has no maximum.
_LARGEST = 10.0
# Numbers of one working array: small enough for a cache.
_NUMBERS = 100_000


def resampled_coefficient(
    *,
    covariate: Float[Array, " n"],
    event: Bool[Array, " n"],
    time: Float[Array, " n"],
    counts: Float[Array, "R n"],
) -> Float[Array, " R"]:
    """`cox_regression` of one covariate, for every resample at once.

    Copies of a patient with the event tie and are treated as ties are, by Efron, so that the
    result is that of the resample written out row by row.

    Args:
        covariate: Such as a log hazard, or 0 and 1 of two groups.
        event: True = it happened.
        time: Positive.
        counts: How often each patient occurs in each resample; whole numbers.

    Returns:
        The coefficient; NaN where the likelihood of a resample has no maximum.

    Raises:
        ValueError: Input that is not usable.

    Example:
        >>> resampled_coefficient(covariate=np.array([1.0, 0.0, 1.0, 0.0]), event=np.ones(4, bool),
        ...     time=np.array([1.0, 2.0, 3.0, 4.0]), counts=np.ones((1, 4))).round(4).tolist()
        [0.9406]
    """
    check_follow_up(event=event, time=time)
    check_finite("covariate", covariate, len(time))
    spread = float(covariate.std()) if len(covariate) else 0.0
    if spread == 0 or not event.any():
        return np.full(len(counts), np.nan)
    order = np.argsort(-time, kind="stable")
    x = (covariate[order] - covariate.mean()) / spread
    chunk = max(_NUMBERS // len(time), 1)
    parts = [
        _newton(x, event[order], time[order], counts[begin : begin + chunk][:, order])
        for begin in range(0, len(counts), chunk)
    ]
    coefficient: Array = np.concatenate(parts) / spread
    return coefficient


def _newton(
    x: Float[Array, " n"],
    event: Bool[Array, " n"],
    time: Float[Array, " n"],
    counts: Float[Array, "R n"],
) -> Float[Array, " R"]:
    died = np.flatnonzero(event)
    when, first = np.unique(-time[died], return_index=True)
    last = np.searchsorted(-time, when, side="right") - 1
    own = counts[:, died]
    deaths = np.add.reduceat(own, first, axis=1)
    # One term an event, of which the l-th of d tied ones loses the share l / d: rows of
    # (resample, group, share).
    row, group = np.nonzero(deaths)
    tied = deaths[row, group].astype(np.int64)
    row, group = np.repeat(row, tied), np.repeat(group, tied)
    nth = np.arange(len(row)) - np.repeat(np.cumsum(tied) - tied, tied)
    share = nth / np.repeat(tied, tied)
    seen = own @ x[died]
    beta = np.zeros(len(counts))
    moving = np.ones(len(counts), dtype=bool)
    for _ in range(_STEPS):
        eta = beta[:, None] * x
        base = counts * np.exp(eta - eta.max(axis=1, keepdims=True))
        sums = []
        for part in (base, base * x, base * x**2):
            at_risk = part.cumsum(axis=1)[:, last]
            dying = np.add.reduceat(part[:, died], first, axis=1)
            sums.append(at_risk[row, group] - share * dying[row, group])
        with np.errstate(divide="ignore", invalid="ignore"):
            mean = sums[1] / sums[0]
            gradient = seen - np.bincount(row, mean, len(counts))
            information = np.bincount(row, sums[2] / sums[0] - mean**2, len(counts))
            step = gradient / information
        step = np.where(np.isfinite(step), step.clip(-2.0, 2.0), 0.0)
        beta = np.where(moving, beta + step, beta)
        moving &= np.abs(step) > _TOLERANCE
        if not moving.any():
            break
    lost = moving | (np.abs(beta) > _LARGEST) | ~(information > 1e-8)
    return np.where(lost, np.nan, beta)

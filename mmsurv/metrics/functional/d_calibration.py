"""D-calibration: are the predicted survival probabilities at the event times uniform?"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float
from scipy import stats

from mmsurv.checks import check_finite, check_follow_up
from mmsurv.metrics.functional.value import NAN

Array = np.ndarray


class DCalibration(NamedTuple):
    """How the patients spread over intervals of predicted survival probability.

    Attributes:
        statistic: Pearson's chi-squared; NaN where it cannot be computed.
        p: Of the statistic; small = not calibrated.
        counts: Patients in each interval, the censored shared out; [0, 1/B), … , [1 - 1/B, 1].
        reason: Why there is no statistic; empty where there is one.
    """

    statistic: float
    p: float
    counts: Float[Array, " B"]
    reason: str = ""


def survival_when_last_seen(
    *,
    survival: Float[Array, "n T"],
    time: Float[Array, " n"],
    event: Bool[Array, " n"],
    at_days: Float[Array, " T"],
) -> tuple[Float[Array, " n"], Bool[Array, " n"]]:
    """Every patient's own predicted survival at the end of the own follow-up.

    Between the times of the grid it is interpolated linearly, from 1 at 0. Whoever is followed
    beyond the grid is taken as censored at its end, so that nothing is made up about the rest.

    Args:
        survival: S(t given x), predicted, in [0, 1].
        time: Days, positive.
        event: True = it happened.
        at_days: t, positive and increasing.

    Returns:
        The probabilities, and whether the event happened within the grid.

    Raises:
        ValueError: Input that is not usable.

    Example:
        >>> own, seen = survival_when_last_seen(
        ...     survival=np.array([[0.8, 0.6], [0.8, 0.6]]), time=np.array([1.5, 9.0]),
        ...     event=np.array([True, True]), at_days=np.array([1.0, 2.0]))
        >>> own.round(3).tolist(), seen.tolist()
        ([0.7, 0.6], [True, False])
    """
    check_follow_up(event=event, time=time)
    check_finite("survival", survival, len(time))
    if (np.diff(at_days) <= 0).any() or (at_days <= 0).any() or not len(at_days):
        raise ValueError("at_days must be positive and increasing, with at least one time")
    grid = np.append(0.0, at_days)
    curves = np.concatenate([np.ones((len(time), 1)), survival], axis=1)
    seen = np.minimum(time, grid[-1])
    right = np.searchsorted(grid, seen, side="left")
    rows = np.arange(len(time))
    share = (seen - grid[right - 1]) / (grid[right] - grid[right - 1])
    own: Array = curves[rows, right - 1] * (1 - share) + curves[rows, right] * share
    return own.clip(0.0, 1.0), event & (time <= grid[-1])


def d_calibration(
    *, survival_at_end: Float[Array, " n"], event: Bool[Array, " n"], bins: int = 10
) -> DCalibration:
    r"""Haider's test of distributional calibration, with censoring.

    Were the predictions true, S(t_i given x_i) at the event times would be uniform on [0, 1]. An
    event counts in the interval of its S. A patient censored at probability S is known to have a
    smaller one at the event, and is shared out over [0, S] evenly: the interval [a, b) of S
    receives (S - a) / S, each one below (1/B) / S.

    .. math:: \chi^2_{B-1} = \sum_{b=1}^{B} \frac{(N_b - n/B)^2}{n/B}

    The shares of the censored are even by assumption, so with heavy censoring the test says
    little: a large p means that nothing was found, not that the model is calibrated.

    Args:
        survival_at_end: S at each patient's own time, from `survival_when_last_seen`.
        event: True = it happened.
        bins: B, at least 2.

    Returns:
        Statistic, p and counts; NaN with a reason without patients or events.

    Raises:
        ValueError: Input that is not usable.

    Source: Haider et al., Effective ways to build and evaluate individual survival distributions,
    Journal of Machine Learning Research 21(85), 2020, doi:10.48550/arXiv.1811.11347.

    Example:
        >>> d_calibration(survival_at_end=np.array([0.1, 0.6]), event=np.array([True, True]),
        ...               bins=2).statistic
        0.0
        >>> d_calibration(survival_at_end=np.array([0.75]), event=np.array([False]),
        ...               bins=2).counts.round(3).tolist()
        [0.667, 0.333]
    """
    check_finite("survival_at_end", survival_at_end, len(event))
    if event.dtype != np.bool_:
        raise ValueError(f"event must be bool, got {event.dtype}: compare with its code")
    if bins < 2:
        raise ValueError(f"bins must be at least 2, got {bins}")
    own = survival_at_end.astype(np.float64)
    if len(own) and (own.min() < 0 or own.max() > 1):
        raise ValueError(f"survival_at_end must be in [0, 1], got {own.min():g} to {own.max():g}")
    edges = np.arange(bins + 1) / bins
    # An edge that was computed as 0.30000000000000004 belongs to the interval it opens.
    place = np.minimum(np.searchsorted(edges, own + 1e-12, side="right") - 1, bins - 1)
    counts = np.bincount(place[event], minlength=bins).astype(np.float64)
    # At S = 0 the limit of the shares: everything in the first interval.
    censored = np.maximum(own[~event], 1e-12)
    width = np.minimum(edges[1:], censored[:, None]) - np.minimum(edges[:-1], censored[:, None])
    counts += (width / censored[:, None]).sum(axis=0)
    if not event.any():
        return DCalibration(NAN, NAN, counts, "no event within the predicted times")
    expected = len(own) / bins
    statistic = float(((counts - expected) ** 2 / expected).sum())
    return DCalibration(statistic, float(stats.chi2.sf(statistic, df=bins - 1)), counts)

"""Kaplan-Meier curves and the log-rank test of risk groups."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy import stats

from mmsurv.metrics.functional.value import Array, Value, check_survival_data


class StepCurve(NamedTuple):
    """A Kaplan-Meier curve; every array starts at time 0.

    Attributes:
        time: Distinct times, increasing.
        survival: Estimate from each time on.
        lower: Lower end of the pointwise 95 % band.
        upper: Upper end.
        at_risk: Patients at risk just before each time.
    """

    time: Float[Array, " m"]
    survival: Float[Array, " m"]
    lower: Float[Array, " m"]
    upper: Float[Array, " m"]
    at_risk: Int[Array, " m"]


def kaplan_meier(*, event: Bool[Array, " n"], time: Float[Array, " n"]) -> StepCurve:
    r"""Kaplan-Meier estimate with the log-log band, which stays within [0, 1].

    .. math:: S(t) = \prod_{t_k \le t} \Big(1 - \frac{d_k}{n_k}\Big), \quad
              S^{\exp(\pm z \, \sigma / \log S)}, \;
              \sigma^2 = \sum_{t_k \le t} \frac{d_k}{n_k (n_k - d_k)}

    Args:
        event: True = it happened.
        time: Any unit.

    Raises:
        ValueError: Nobody, or a time that is not finite.

    Source: Kaplan and Meier, 1958, doi:10.1080/01621459.1958.10501452; band: Kalbfleisch and Prentice,
    The Statistical Analysis of Failure Time Data, 2002, doi:10.1002/9781118032985.

    Example:
        >>> curve = kaplan_meier(event=np.array([True, False]), time=np.array([1.0, 2.0]))
        >>> curve.survival.tolist(), curve.at_risk.tolist()
        ([1.0, 0.5, 0.5], [2, 2, 1])
    """
    check_survival_data(event, time)
    if len(time) == 0:
        raise ValueError("a Kaplan-Meier curve needs at least one patient")
    distinct, where = np.unique(np.asarray(time, dtype=float), return_inverse=True)
    deaths = np.bincount(where, weights=np.asarray(event, dtype=float))
    leaving = np.bincount(where)
    at_risk = leaving[::-1].cumsum()[::-1]
    survival = np.cumprod(1 - deaths / at_risk)
    with np.errstate(divide="ignore", invalid="ignore"):
        variance = np.cumsum(deaths / (at_risk * (at_risk - deaths)))
        z = stats.norm.ppf(0.975) * np.sqrt(variance) / np.log(survival)
        lower, upper = survival ** np.exp(-z), survival ** np.exp(z)
    # Before the first event there is no spread; once all have died there is nothing left to spread.
    flat = (survival == 1) | (survival == 0)
    lower, upper = np.where(flat, survival, lower), np.where(flat, survival, upper)
    return StepCurve(
        np.concatenate([[0.0], distinct]),
        np.concatenate([[1.0], survival]),
        np.concatenate([[1.0], lower]),
        np.concatenate([[1.0], upper]),
        np.concatenate([[len(time)], at_risk]),
    )


def logrank(
    *, event: Bool[Array, " n"], time: Float[Array, " n"], group: Bool[Array, " n"]
) -> Value:
    """Two-sided p value of the log-rank test that two groups have one survival curve.

    Args:
        event: True = it happened.
        time: Any unit.
        group: True = first group, False = second.

    Returns:
        The p value, or NaN with the reason: an empty group, or no event.

    Raises:
        ValueError: A time is not finite.

    Source: Mantel, 1966; Peto and Peto, 1972, doi:10.2307/2344317. Computed by SciPy.

    Example:
        >>> logrank(event=np.ones(4, bool), time=np.array([1.0, 2.0, 3.0, 4.0]),
        ...         group=np.array([True, False, True, False])).value > 0.1
        True
    """
    check_survival_data(event, time)
    happened, first = np.asarray(event, dtype=bool), np.asarray(group, dtype=bool)
    if first.all() or not first.any():
        return Value.missing("one of the two groups is empty")
    if not happened.any():
        return Value.missing("no event")
    test = stats.logrank(
        *(
            stats.CensoredData.right_censored(np.asarray(time)[side], ~happened[side])
            for side in (first, ~first)
        )
    )
    if not np.isfinite(test.pvalue):
        return Value.missing("the log-rank statistic has no variance")
    return Value(float(test.pvalue))

"""The log-rank test of two groups."""

from __future__ import annotations

import math
import warnings

import numpy as np
from jaxtyping import Bool, Float
from scipy import stats

from mmsurv.checks import check_follow_up
from mmsurv.metrics.functional.value import Value

Array = np.ndarray


def logrank_statistic(
    *, time: Float[Array, " n"], event: Bool[Array, " n"], group: Bool[Array, " n"]
) -> Value:
    r"""Log-rank statistic of two groups; chi-squared with one degree of freedom.

    .. math:: \chi^2 = \frac{\big( \sum_k (d_{1k} - e_{1k}) \big)^2}{\sum_k v_k}

    with d_1k events of the first group at time t_k, and e_1k, v_k their mean and variance were the
    groups alike (hypergeometric).

    Args:
        time: Positive, in any unit.
        event: True = it happened.
        group: Which of two groups, such as high risk.

    Returns:
        The statistic; NaN where a group is empty or nothing can be compared.

    Raises:
        ValueError: Input that is not usable.

    Source: Mantel, Evaluation of survival data and two new rank order statistics, 1966; Peto and
    Peto, Asymptotically efficient rank invariant test procedures, 1972, doi:10.2307/2344317.

    Example:
        >>> value = logrank_statistic(time=np.array([1.0, 2.0, 3.0, 4.0]), event=np.ones(4, bool),
        ...                           group=np.array([True, True, False, False]))
        >>> round(value.value, 4)
        2.8824
    """
    check_follow_up(event=event, time=time)
    if group.dtype != np.bool_ or group.shape != time.shape:
        raise ValueError(
            f"group must be {len(time)} bools, got {group.dtype} of shape {group.shape}"
        )
    if not group.any() or group.all():
        return Value.missing("one of the two groups is empty")
    if not event.any():
        return Value.missing("no event among the patients")
    first, second = (
        stats.CensoredData.right_censored(time[rows], ~event[rows]) for rows in (group, ~group)
    )
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # 0 / 0, told apart below
        z = float(stats.logrank(first, second).statistic)
    if not math.isfinite(z):
        return Value.missing("no event at a time when both groups are at risk")
    return Value(z**2)


def logrank(
    *, time: Float[Array, " n"], event: Bool[Array, " n"], group: Bool[Array, " n"]
) -> Value:
    """Two-sided p value of the log-rank test of two groups. See `logrank_statistic`.

    Args:
        time: Positive, in any unit.
        event: True = it happened.
        group: Which of two groups, such as high risk.

    Returns:
        p in [0, 1]; NaN where a group is empty or nothing can be compared.

    Raises:
        ValueError: Input that is not usable.

    Example:
        >>> p = logrank(time=np.array([1.0, 2.0, 3.0, 4.0]), event=np.ones(4, bool),
        ...             group=np.array([True, True, False, False]))
        >>> round(p.value, 4)
        0.0896
    """
    statistic = logrank_statistic(time=time, event=event, group=group)
    if statistic.reason:
        return statistic
    return Value(float(stats.chi2.sf(statistic.value, df=1)))

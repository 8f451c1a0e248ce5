"""The Kaplan-Meier curve with its band, for figures."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy.stats import norm

from mmsurv.checks import check_follow_up

Array = np.ndarray


class KaplanMeier(NamedTuple):
    """A step function: each value holds from its time to the next.

    Attributes:
        time: 0, then the distinct times, increasing.
        survival: Estimated probability of being without the event after each time.
        at_risk: Patients at risk just before each time; all of them at 0.
        lower: Lower end of the 95 % band; NaN once the estimate is 0.
        upper: Upper end of the 95 % band; NaN once the estimate is 0.
    """

    time: Float[Array, " m"]
    survival: Float[Array, " m"]
    at_risk: Int[Array, " m"]
    lower: Float[Array, " m"]
    upper: Float[Array, " m"]


def kaplan_meier(*, event: Bool[Array, " n"], time: Float[Array, " n"]) -> KaplanMeier:
    r"""Kaplan-Meier estimate with a pointwise 95 % log-log band.

    .. math:: S(t) = \prod_{t_k \le t} \Big( 1 - \frac{d_k}{n_k} \Big), \quad
              S(t)^{\exp(\pm 1.96 \, s(t))}, \quad
              s(t)^2 = \frac{1}{(\log S(t))^2} \sum_{t_k \le t} \frac{d_k}{n_k (n_k - d_k)}

    Args:
        event: True = it happened.
        time: Positive, in any unit.

    Returns:
        The curve; the band stays within [0, 1], and is [1, 1] before the first event.

    Raises:
        ValueError: No patient, or input that is not usable.

    Source: Kaplan and Meier, Nonparametric estimation from incomplete observations, 1958,
    doi:10.2307/2281868; the band: Kalbfleisch and Prentice, The statistical analysis of failure
    time data, 2002, doi:10.1002/9781118032985.

    Example:
        >>> curve = kaplan_meier(event=np.array([True, False]), time=np.array([1.0, 2.0]))
        >>> curve.time.tolist(), curve.survival.tolist(), curve.at_risk.tolist()
        ([0.0, 1.0, 2.0], [1.0, 0.5, 0.5], [2, 2, 1])
    """
    check_follow_up(event=event, time=time)
    if len(time) == 0:
        raise ValueError("a Kaplan-Meier curve needs at least one patient")
    times, index = np.unique(time.astype(np.float64), return_inverse=True)
    deaths = np.bincount(index[event], minlength=len(times))
    at_risk = len(time) - np.searchsorted(np.sort(time), times, side="left")
    survival = np.cumprod(1.0 - deaths / at_risk)
    # 0 / 0 and log 0 occur where the band is not defined; those places are set below.
    with np.errstate(divide="ignore", invalid="ignore"):
        greenwood = np.cumsum(deaths / (at_risk * (at_risk - deaths)))
        spread = norm.ppf(0.975) * np.sqrt(greenwood) / np.abs(np.log(survival))
        lower, upper = survival ** np.exp(spread), survival ** np.exp(-spread)
    for bound in (lower, upper):
        bound[survival == 1.0] = 1.0
        bound[survival == 0.0] = np.nan
    return KaplanMeier(
        time=np.append(0.0, times),
        survival=np.append(1.0, survival),
        at_risk=np.append(len(time), at_risk),
        lower=np.append(1.0, lower),
        upper=np.append(1.0, upper),
    )

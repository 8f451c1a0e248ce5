"""Restricted mean survival time: the mean of what is lived of a span of time."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float
from scipy.stats import norm

from mmsurv.checks import check_follow_up
from mmsurv.metrics.functional.kaplan_meier import kaplan_meier
from mmsurv.metrics.functional.value import Estimate

Array = np.ndarray


def restricted_mean(
    *, event: Bool[Array, " n"], time: Float[Array, " n"], until: float
) -> Estimate:
    r"""Mean time without the event up to a horizon: the area under the Kaplan-Meier curve.

    .. math:: \mu(\tau) = \int_0^\tau S(t) \, dt, \quad
              \widehat{\mathrm{var}} = \sum_{t_k \le \tau} \Big( \int_{t_k}^\tau S(t) \, dt \Big)^2
              \frac{d_k}{n_k (n_k - d_k)}

    Args:
        event: True = it happened.
        time: Positive, in any unit.
        until: tau, in the unit of `time`.

    Returns:
        The mean with its 95 % normal interval; p is NaN. NaN where tau is beyond the follow-up and
        the curve has not reached 0.

    Raises:
        ValueError: Input that is not usable, or tau that is not positive.

    Source: Royston and Parmar, Restricted mean survival time, 2013, doi:10.1186/1471-2288-13-152.

    Example:
        >>> time = np.array([1.0, 3.0])
        >>> restricted_mean(event=np.array([True, True]), time=time, until=2.0).value
        1.5
    """
    check_follow_up(event=event, time=time)
    if until <= 0:
        raise ValueError(f"until must be positive, got {until:g}")
    if len(time) == 0:
        return Estimate.missing("no patient")
    mean, variance, reason = _mean_and_variance(event, time, until)
    if reason:
        return Estimate.missing(reason)
    half = float(norm.ppf(0.975)) * variance**0.5
    return Estimate(mean, mean - half, mean + half)


def restricted_mean_difference(
    *,
    event: Bool[Array, " n"],
    time: Float[Array, " n"],
    group: Bool[Array, " n"],
    until: float,
) -> Estimate:
    r"""Difference of the restricted means of two groups: those not in the group minus those in it.

    .. math:: \Delta(\tau) = \mu_{\neg g}(\tau) - \mu_g(\tau)

    With `group` the patients of high risk it is the time without the event that low risk means,
    and it needs no proportional hazards.

    Args:
        event: True = it happened.
        time: Positive, in any unit.
        group: Which of two groups, such as high risk.
        until: tau, in the unit of `time`.

    Returns:
        The difference, its 95 % interval and the p value of no difference; NaN where a group is
        empty or not followed to tau.

    Raises:
        ValueError: Input that is not usable.

    Source: Royston and Parmar, Restricted mean survival time, 2013, doi:10.1186/1471-2288-13-152.

    Example:
        >>> group, time = np.array([True, True, False, False]), np.array([1.0, 3.0, 2.0, 4.0])
        >>> restricted_mean_difference(event=np.ones(4, bool), time=time, group=group,
        ...                            until=3.0).value
        0.5
    """
    check_follow_up(event=event, time=time)
    if group.dtype != np.bool_ or group.shape != time.shape:
        raise ValueError(
            f"group must be {len(time)} bools, got {group.dtype} of shape {group.shape}"
        )
    if until <= 0:
        raise ValueError(f"until must be positive, got {until:g}")
    if not group.any() or group.all():
        return Estimate.missing("one of the two groups is empty")
    rest, of_group = (_mean_and_variance(event[r], time[r], until) for r in (~group, group))
    for _, _, reason in (rest, of_group):
        if reason:
            return Estimate.missing(reason)
    difference, spread = rest[0] - of_group[0], (rest[1] + of_group[1]) ** 0.5
    if spread == 0:
        return Estimate.missing("no event before the horizon in either group")
    half = float(norm.ppf(0.975)) * spread
    p = float(2 * norm.sf(abs(difference) / spread))
    return Estimate(difference, difference - half, difference + half, p)


def _mean_and_variance(
    event: Bool[Array, " n"], time: Float[Array, " n"], until: float
) -> tuple[float, float, str]:
    curve = kaplan_meier(event=event, time=time)
    if until > curve.time[-1] and curve.survival[-1] > 0:
        return 0.0, 0.0, f"a group is followed only to {curve.time[-1]:g}, not to {until:g}"
    inside = curve.time <= until
    starts, survival = curve.time[inside], curve.survival[inside]
    areas = survival * np.diff(np.append(starts, until))
    # Area from each time to the horizon.
    ahead = areas[::-1].cumsum()[::-1]
    at_risk = curve.at_risk[inside]
    deaths = np.bincount(np.searchsorted(curve.time, time[event]), minlength=len(curve.time))
    deaths = deaths[inside]
    # Where everybody left dies the curve is 0 from there on, and so is what lies ahead.
    left = np.maximum(at_risk - deaths, 1)
    terms = ahead**2 * deaths / (at_risk * left)
    return float(ahead[0]), float(terms.sum()), ""

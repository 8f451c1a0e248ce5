"""Calibration at a horizon: do as many have the event as was predicted?"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int

from mmsurv.checks import check_finite, check_follow_up
from mmsurv.metrics.functional.cox import cox_regression
from mmsurv.metrics.functional.kaplan_meier import kaplan_meier
from mmsurv.metrics.functional.value import NAN, Estimate

Array = np.ndarray


class CalibrationCurve(NamedTuple):
    """Groups of rising predicted risk, and what became of them.

    Attributes:
        predicted: Mean predicted risk of the group by the horizon.
        observed: Its Kaplan-Meier risk by the horizon; NaN where it is not followed so far.
        lower: Lower end of the 95 % band of `observed`; NaN where there is none.
        upper: Upper end of the 95 % band of `observed`; NaN where there is none.
        patients: In the group.
        events: In the group by the horizon.
    """

    predicted: Float[Array, " g"]
    observed: Float[Array, " g"]
    lower: Float[Array, " g"]
    upper: Float[Array, " g"]
    patients: Int[Array, " g"]
    events: Int[Array, " g"]


def calibration_curve(
    *,
    survival: Float[Array, " n"],
    event: Bool[Array, " n"],
    time: Float[Array, " n"],
    at_days: float,
    groups: int = 5,
) -> CalibrationCurve:
    """Predicted against observed risk at a horizon, in groups of equal size by predicted risk.

    The observed risk is 1 minus the Kaplan-Meier estimate within the group, so that the censored
    count as long as they are seen; the band is its log-log band. On the diagonal is calibrated.
    Probabilities of different folds have a common scale and may be pooled. Equal predictions stay
    in one group, so that there may be fewer groups than asked for.

    Args:
        survival: Predicted probability of being without the event at the horizon.
        event: True = it happened.
        time: Days, positive.
        at_days: The horizon.
        groups: At least 1.

    Returns:
        The groups from low to high predicted risk; no group without patients.

    Raises:
        ValueError: Input that is not usable.

    Source: Royston and Altman, External validation of a Cox prognostic model: principles and
    methods, 2013, doi:10.1186/1471-2288-13-33.

    Example:
        >>> curve = calibration_curve(survival=np.array([0.9, 0.2]), event=np.array([False, True]),
        ...                           time=np.array([5.0, 1.0]), at_days=2.0, groups=2)
        >>> curve.predicted.round(3).tolist(), curve.observed.tolist()
        ([0.1, 0.8], [0.0, 1.0])
    """
    _check(survival, event, time, at_days)
    if groups < 1:
        raise ValueError(f"groups must be at least 1, got {groups}")
    risk = 1.0 - survival.astype(np.float64)
    cuts = np.unique(np.quantile(risk, np.arange(1, groups) / groups)) if len(risk) else risk
    member = np.searchsorted(cuts, risk, side="left")
    parts = [np.flatnonzero(member == g) for g in range(len(cuts) + 1)]
    parts = [part for part in parts if len(part)]
    bands = [_observed(event[part], time[part], at_days) for part in parts]
    observed, lower, upper = np.array(bands, dtype=np.float64).reshape(-1, 3).T
    return CalibrationCurve(
        predicted=np.array([risk[part].mean() for part in parts]),
        observed=observed,
        lower=lower,
        upper=upper,
        patients=np.array([len(part) for part in parts], dtype=np.int64),
        events=np.array(
            [(event & (time <= at_days))[part].sum() for part in parts], dtype=np.int64
        ),
    )


def observed_over_expected(
    *,
    survival: Float[Array, " n"],
    event: Bool[Array, " n"],
    time: Float[Array, " n"],
    at_days: float,
) -> Estimate:
    r"""Calibration in the large: Kaplan-Meier risk at a horizon over the mean predicted risk.

    .. math:: \frac{O}{E} = \frac{1 - S_{KM}(\tau)}{\frac1n \sum_i (1 - S(\tau \mid x_i))}

    Args:
        survival: Predicted probability of being without the event at the horizon.
        event: True = it happened.
        time: Days, positive.
        at_days: The horizon.

    Returns:
        1 is right, above 1 the risk is underestimated. The 95 % interval is that of the observed
        risk: the prediction is taken as given. NaN where the follow-up ends before the horizon.

    Raises:
        ValueError: Input that is not usable.

    Source: as `calibration_curve`.

    Example:
        >>> observed_over_expected(survival=np.array([0.75, 0.75]), event=np.array([True, False]),
        ...                        time=np.array([1.0, 3.0]), at_days=2.0).value
        2.0
    """
    _check(survival, event, time, at_days)
    if len(time) == 0:
        return Estimate.missing("no patient")
    expected = float((1.0 - survival).mean())
    observed = _observed(event, time, at_days)
    if not np.isfinite(observed[0]):
        return Estimate.missing(f"nobody is followed to {at_days:g}")
    if expected == 0:
        return Estimate.missing("no risk is predicted")
    ratio, lower, upper = (part / expected for part in observed)
    reason = "" if np.isfinite(lower) else "everybody has had the event: no band"
    return Estimate(ratio, lower, upper, reason=reason)


def calibration_slope(
    *,
    log_hazard: Float[Array, " n"],
    event: Bool[Array, " n"],
    time: Float[Array, " n"],
    until: float,
) -> Estimate:
    r"""Coefficient of the log hazard in a Cox regression on new patients, followed to a horizon.

    .. math:: h(t \mid \eta) = h_0(t) \, e^{\beta \eta}, \quad t \le \tau

    Whoever is followed beyond tau is censored there. Since log(-log S(t given x)) is the log hazard
    and a number that depends on t alone, this is also the slope of predicted survival on the
    complementary log-log scale.

    Args:
        log_hazard: eta, from a model of other patients; of one fold, for the origins of different
            folds differ.
        event: True = it happened.
        time: Positive, in any unit.
        until: tau, in the unit of `time`.

    Returns:
        The slope, its 95 % interval and the p value of a slope of 1. Below 1 the predictions
        are too extreme, as those of an overfitted network; 0 is noise; above 1 they are too alike.
        NaN without events, or where all log hazards are equal.

    Raises:
        ValueError: Input that is not usable.

    Source: van Houwelingen, Validation, calibration, revision and combination of prognostic
    survival models, 2000,
    doi:10.1002/1097-0258(20001230)19:24<3401::AID-SIM554>3.0.CO;2-2.

    Example:
        >>> slope = calibration_slope(log_hazard=np.array([1.0, 0.0, 1.0, 0.0]),
        ...                           event=np.ones(4, bool), time=np.array([1.0, 2.0, 3.0, 4.0]),
        ...                           until=5.0)
        >>> round(slope.value, 4)
        0.9406
    """
    check_follow_up(event=event, time=time)
    check_finite("log_hazard", log_hazard, len(time))
    if until <= 0:
        raise ValueError(f"until must be positive, got {until:g}")
    within = event & (time <= until)
    if not within.any():
        return Estimate.missing(f"no event by {until:g}")
    if np.ptp(log_hazard) == 0:
        return Estimate.missing("all log hazards are equal")
    fit = cox_regression(covariates=log_hazard[:, None], event=within, time=np.minimum(time, until))
    return fit.estimate(0, ratio=False, hypothesis=1.0)


def _observed(
    event: Bool[Array, " n"], time: Float[Array, " n"], at_days: float
) -> tuple[float, float, float]:
    """Kaplan-Meier risk by the horizon and its band."""
    curve = kaplan_meier(event=event, time=time)
    if at_days > curve.time[-1] and curve.survival[-1] > 0:
        return NAN, NAN, NAN
    step = int(np.searchsorted(curve.time, at_days, side="right")) - 1
    survival, lower, upper = curve.survival[step], curve.lower[step], curve.upper[step]
    return float(1 - survival), float(1 - upper), float(1 - lower)


def _check(
    survival: Float[Array, " n"],
    event: Bool[Array, " n"],
    time: Float[Array, " n"],
    at_days: float,
) -> None:
    check_follow_up(event=event, time=time)
    check_finite("survival", survival, len(time))
    if survival.ndim != 1:
        raise ValueError(f"survival must be one column, got shape {survival.shape}")
    if len(survival) and (survival.min() < 0 or survival.max() > 1):
        raise ValueError(
            f"survival must be in [0, 1], got {survival.min():g} to {survival.max():g}"
        )
    if at_days <= 0:
        raise ValueError(f"at_days must be positive, got {at_days:g}")

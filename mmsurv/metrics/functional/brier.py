"""Brier score: squared error of predicted survival, weighted for censoring."""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Bool, Float
from torchsurv.metrics.brier_score import BrierScore

from mmsurv.checks import check_finite, check_follow_up
from mmsurv.metrics.functional.censoring import ipcw, legal_end, why_illegal
from mmsurv.metrics.functional.ranks import joint_ranks
from mmsurv.metrics.functional.value import Value

Array = np.ndarray

# Rounding of a probability, and of a horizon, that was written to a table and read back.
_ROUNDING = 1e-5


def brier_curve(
    *,
    survival: Float[Array, "n T"],
    event: Bool[Array, " n"],
    time: Float[Array, " n"],
    train_event: Bool[Array, " m"],
    train_time: Float[Array, " m"],
    at_days: Float[Array, " T"],
) -> Float[Array, " T"]:
    r"""Brier score at each time, weighted by the inverse probability of censoring.

    .. math:: BS(t) = \frac1n \sum_i \Big( \frac{S(t|x_i)^2 \, 1_{t_i \le t, d_i}}{G(t_i)}
              + \frac{(1 - S(t|x_i))^2 \, 1_{t_i > t}}{G(t)} \Big)

    G is the censoring distribution of the training patients.

    Args:
        survival: S(t given x), predicted, in [0, 1].
        event: True = it happened.
        time: Days, positive.
        train_event: Of the training patients, at least one True.
        train_time: Of the training patients, days.
        at_days: t, increasing.

    Returns:
        BS(t); NaN at times that are not below the end of follow-up, and everywhere where no patient
        has an event. 0.25 is a coin, lower is better.

    Raises:
        ValueError: Input that is not usable.

    Source: Graf et al., Assessment and comparison of prognostic classification schemes for survival
    data, 1999, doi:10.1002/(SICI)1097-0258(19990915/30)18:17/18<2529::AID-SIM274>3.0.CO;2-5.

    Example:
        >>> e, t = np.array([True, True, False]), np.array([1.0, 2.0, 3.0])
        >>> brier_curve(survival=np.full((3, 2), 0.5), event=e, time=t, train_event=e, train_time=t,
        ...             at_days=np.array([1.0, 9.0])).tolist()
        [0.25, nan]
    """
    _check(survival, event, time, train_event, train_time, at_days)
    curve = np.full(len(at_days), np.nan)
    if not (event.any() and train_event.any()):
        return curve
    legal = at_days < legal_end(train_time=train_time, test_time=time)
    if not legal.any():
        return curve
    if len(time) == 1:
        # torchsurv squeezes one patient to no dimension; two alike have the same mean.
        survival, event, time = survival.repeat(2, axis=0), event.repeat(2), time.repeat(2)
    at = at_days[legal]
    when, wanted = joint_ranks(time, at)
    weight = ipcw(
        train_event=train_event, train_time=train_time, at=np.concatenate([time, at])
    ).astype(np.float32)
    scores = BrierScore()(
        torch.tensor(survival[:, legal].clip(0.0, 1.0), dtype=torch.float32),
        torch.tensor(event),
        when,
        new_time=wanted,
        weight=torch.tensor(weight[: len(time)]),
        weight_new_time=torch.tensor(weight[len(time) :]),
    )
    curve[legal] = scores.double().numpy()
    return curve


def brier_terms(
    *,
    survival: Float[Array, "n T"],
    event: Bool[Array, " n"],
    time: Float[Array, " n"],
    train_event: Bool[Array, " m"],
    train_time: Float[Array, " m"],
    at_days: Float[Array, " T"],
) -> Float[Array, "n T"]:
    """Every patient's part of the Brier score, whose mean over patients `brier_curve` is.

    A resampled score is a mean of resampled terms: this is what makes a bootstrap cheap.

    Args:
        survival: S(t given x), predicted, in [0, 1].
        event: True = it happened.
        time: Days, positive.
        train_event: Of the training patients, at least one True.
        train_time: Of the training patients, days.
        at_days: t, increasing.

    Returns:
        The terms; NaN at times that are not below the end of follow-up.

    Raises:
        ValueError: Input that is not usable, or no training event.

    Source: as `brier_curve`.

    Example:
        >>> e, t = np.array([True, False]), np.array([1.0, 3.0])
        >>> brier_terms(survival=np.array([[0.5], [0.75]]), event=e, time=t, train_event=e,
        ...             train_time=t, at_days=np.array([2.0])).tolist()
        [[0.25], [0.0625]]
    """
    _check(survival, event, time, train_event, train_time, at_days)
    own, at = (
        ipcw(train_event=train_event, train_time=train_time, at=when) for when in (time, at_days)
    )
    alive = time[:, None] > at_days
    dead = event[:, None] & ~alive
    likely = survival.clip(0.0, 1.0)
    terms: Array = np.where(dead, likely**2 * own[:, None], 0.0) + alive * (1 - likely) ** 2 * at
    if len(time):
        terms[:, at_days >= legal_end(train_time=train_time, test_time=time)] = np.nan
    return terms


def brier_at(
    *,
    survival: Float[Array, " n"],
    event: Bool[Array, " n"],
    time: Float[Array, " n"],
    train_event: Bool[Array, " m"],
    train_time: Float[Array, " m"],
    at_days: float,
) -> Value:
    """Brier score at one time, with the reason where there is none. See `brier_curve`.

    Args:
        survival: S(t given x), predicted, in [0, 1].
        event: True = it happened.
        time: Days, positive.
        train_event: Of the training patients.
        train_time: Of the training patients, days.
        at_days: t, positive.

    Returns:
        BS(t); NaN where t is not below the end of follow-up, or no patient has an event.

    Raises:
        ValueError: Input that is not usable.

    Example:
        >>> e, t = np.array([True, True, False]), np.array([1.0, 2.0, 3.0])
        >>> brier_at(survival=np.full(3, 0.5), event=e, time=t, train_event=e, train_time=t,
        ...          at_days=1.0).value
        0.25
    """
    at, curve = np.array([at_days], dtype=np.float64), survival[:, None]
    _check(curve, event, time, train_event, train_time, at)
    if reason := _why_none(event, time, train_event, train_time, at_days):
        return Value.missing(reason)
    known = {"train_event": train_event, "train_time": train_time}
    return Value(float(brier_curve(survival=curve, event=event, time=time, **known, at_days=at)[0]))


def integrated_brier(
    *,
    survival: Float[Array, "n T"],
    event: Bool[Array, " n"],
    time: Float[Array, " n"],
    train_event: Bool[Array, " m"],
    train_time: Float[Array, " m"],
    at_days: Float[Array, " T"],
    until_days: float,
) -> Value:
    r"""Mean Brier score from 0 to a horizon.

    .. math:: IBS(\tau) = \frac1\tau \int_0^\tau BS(t) \, dt

    by trapezoids over `at_days` and 0, where BS(0) = 0 because everybody is alive and S(0) = 1.

    Args:
        survival: S(t given x), predicted, in [0, 1].
        event: True = it happened.
        time: Days, positive.
        train_event: Of the training patients.
        train_time: Of the training patients, days.
        at_days: Positive, increasing, with `until_days` among them.
        until_days: tau.

    Returns:
        IBS; NaN where tau is not below the end of follow-up, or no patient has an event.

    Raises:
        ValueError: Input that is not usable, or `until_days` is not among `at_days`.

    Source: as `brier_curve`.

    Example:
        >>> e, t = np.array([True, True, False]), np.array([1.0, 2.0, 3.0])
        >>> integrated_brier(survival=np.full((3, 2), 0.5), event=e, time=t, train_event=e,
        ...                  train_time=t, at_days=np.array([1.0, 2.0]), until_days=2.0).value
        0.1875
    """
    _check(survival, event, time, train_event, train_time, at_days)
    last = np.flatnonzero(np.isclose(at_days, until_days, rtol=_ROUNDING, atol=0.0))
    if len(last) == 0:
        raise ValueError(f"until_days={until_days:g} is not in at_days: predict survival there too")
    if reason := _why_none(event, time, train_event, train_time, until_days):
        return Value.missing(reason)
    used = slice(0, int(last[0]) + 1)
    curve = brier_curve(
        survival=survival[:, used],
        event=event,
        time=time,
        train_event=train_event,
        train_time=train_time,
        at_days=at_days[used],
    )
    area = np.trapezoid(np.append(0.0, curve), np.append(0.0, at_days[used]))
    return Value(float(area / at_days[used][-1]))


def _why_none(
    event: Bool[Array, " n"],
    time: Float[Array, " n"],
    train_event: Bool[Array, " m"],
    train_time: Float[Array, " m"],
    until: float,
) -> str:
    if not train_event.any():
        return "no event among the training patients"
    if not event.any():
        return "no event among the patients"
    return why_illegal(until, train_time=train_time, test_time=time)


def _check(
    survival: Float[Array, "n T"],
    event: Bool[Array, " n"],
    time: Float[Array, " n"],
    train_event: Bool[Array, " m"],
    train_time: Float[Array, " m"],
    at_days: Float[Array, " T"],
) -> None:
    check_follow_up(event=event, time=time)
    check_follow_up(event=train_event, time=train_time, of="training")
    check_finite("survival", survival, len(time))
    check_finite("at_days", at_days, len(at_days))
    if survival.shape != (len(time), len(at_days)):
        raise ValueError(
            f"survival must be patients by times {(len(time), len(at_days))}, got {survival.shape}"
        )
    if (np.diff(at_days) <= 0).any() or (at_days <= 0).any():
        raise ValueError("at_days must be positive and increasing")
    if survival.size and (survival.min() < -_ROUNDING or survival.max() > 1 + _ROUNDING):
        raise ValueError(
            "survival must be probabilities, got values from "
            f"{float(survival.min()):g} to {float(survival.max()):g}"
        )

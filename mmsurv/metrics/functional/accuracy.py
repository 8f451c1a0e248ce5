"""Index of prediction accuracy: how much better than a curve that knows nobody's covariates."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float

from mmsurv.checks import check_follow_up
from mmsurv.metrics.functional.brier import brier_curve, integrated_brier
from mmsurv.metrics.functional.kaplan_meier import kaplan_meier
from mmsurv.metrics.functional.value import Value

Array = np.ndarray


def null_survival(
    *,
    train_event: Bool[Array, " m"],
    train_time: Float[Array, " m"],
    at_days: Float[Array, " T"],
    patients: int,
) -> Float[Array, "n T"]:
    """The same prediction for everybody: the Kaplan-Meier curve of the training patients.

    Args:
        train_event: Of the training patients.
        train_time: Of the training patients, days.
        at_days: Times; beyond the last training time the curve holds its last value.
        patients: n, for whom it is predicted.

    Raises:
        ValueError: No training patient, or input that is not usable.

    Example:
        >>> null_survival(train_event=np.array([True, False]), train_time=np.array([1.0, 2.0]),
        ...               at_days=np.array([0.5, 1.5]), patients=1).tolist()
        [[1.0, 0.5]]
    """
    curve = kaplan_meier(event=train_event, time=train_time)
    step = np.searchsorted(curve.time, at_days, side="right") - 1
    return np.tile(curve.survival[step], (patients, 1))


def accuracy_curve(
    *,
    survival: Float[Array, "n T"],
    event: Bool[Array, " n"],
    time: Float[Array, " n"],
    train_event: Bool[Array, " m"],
    train_time: Float[Array, " m"],
    at_days: Float[Array, " T"],
) -> Float[Array, " T"]:
    r"""Index of prediction accuracy (scaled Brier score) at each time.

    .. math:: IPA(t) = 1 - \frac{BS(t)}{BS_{KM}(t)}

    where BS_KM is the Brier score of the training patients' Kaplan-Meier curve, the same for
    everybody.

    Args:
        survival: S(t given x), predicted, in [0, 1].
        event: True = it happened.
        time: Days, positive.
        train_event: Of the training patients, at least one True.
        train_time: Of the training patients, days.
        at_days: t, increasing.

    Returns:
        IPA(t): 1 is perfect, 0 no better than the curve, below 0 worse, as a model without
        calibration is however well it orders patients. NaN where the Brier score is, and where
        that of the curve is 0.

    Raises:
        ValueError: Input that is not usable.

    Source: Kattan and Gerds, The index of prediction accuracy, 2018,
    doi:10.1186/s41512-018-0029-2.

    Example:
        >>> e, t = np.array([True, True]), np.array([1.0, 3.0])
        >>> accuracy_curve(survival=np.array([[0.25], [0.75]]), event=e, time=t, train_event=e,
        ...                train_time=t, at_days=np.array([2.0])).tolist()
        [0.75]
    """
    known = {"train_event": train_event, "train_time": train_time}
    of = {"event": event, "time": time, **known, "at_days": at_days}
    own = brier_curve(survival=survival, **of)
    check_follow_up(event=train_event, time=train_time, of="training")
    if np.isnan(own).all():
        return own
    null = brier_curve(survival=null_survival(**known, at_days=at_days, patients=len(time)), **of)
    ratio: Array = np.divide(own, null, out=np.full(len(own), np.nan), where=null > 0)
    return 1.0 - ratio


def accuracy_at(
    *,
    survival: Float[Array, " n"],
    event: Bool[Array, " n"],
    time: Float[Array, " n"],
    train_event: Bool[Array, " m"],
    train_time: Float[Array, " m"],
    at_days: float,
) -> Value:
    """Index of prediction accuracy at one time, with the reason where there is none.

    Args:
        survival: S(t given x), predicted, in [0, 1].
        event: True = it happened.
        time: Days, positive.
        train_event: Of the training patients.
        train_time: Of the training patients, days.
        at_days: t, positive.

    Returns:
        IPA(t), see `accuracy_curve`.

    Raises:
        ValueError: Input that is not usable.

    Example:
        >>> e, t = np.array([True, True]), np.array([1.0, 3.0])
        >>> accuracy_at(survival=np.array([0.25, 0.75]), event=e, time=t, train_event=e,
        ...             train_time=t, at_days=2.0).value
        0.75
    """
    known = {"train_event": train_event, "train_time": train_time}
    # Over a grid of one time the integral is the score of that time, but for a factor.
    return integrated_accuracy(
        survival=survival[:, None],
        event=event,
        time=time,
        **known,
        at_days=np.array([at_days], dtype=np.float64),
        until_days=at_days,
    )


def integrated_accuracy(
    *,
    survival: Float[Array, "n T"],
    event: Bool[Array, " n"],
    time: Float[Array, " n"],
    train_event: Bool[Array, " m"],
    train_time: Float[Array, " m"],
    at_days: Float[Array, " T"],
    until_days: float,
) -> Value:
    r"""Index of prediction accuracy from 0 to a horizon.

    .. math:: 1 - \frac{IBS(\tau)}{IBS_{KM}(\tau)}

    Args:
        survival: S(t given x), predicted, in [0, 1].
        event: True = it happened.
        time: Days, positive.
        train_event: Of the training patients.
        train_time: Of the training patients, days.
        at_days: Positive, increasing, with `until_days` among them.
        until_days: tau.

    Returns:
        At most 1; 0 is no better than Kaplan-Meier. NaN where the integrated Brier score is.

    Raises:
        ValueError: Input that is not usable, or `until_days` is not among `at_days`.

    Source: as `accuracy_curve`.

    Example:
        >>> e, t = np.array([True, True]), np.array([1.0, 3.0])
        >>> integrated_accuracy(survival=np.array([[0.25], [0.75]]), event=e, time=t, train_event=e,
        ...                     train_time=t, at_days=np.array([2.0]), until_days=2.0).value
        0.75
    """
    known = {"train_event": train_event, "train_time": train_time}
    of = {"event": event, "time": time, **known, "at_days": at_days}
    own = integrated_brier(survival=survival, **of, until_days=until_days)
    if own.reason:
        return own
    nobody = null_survival(**known, at_days=at_days, patients=len(time))
    null = integrated_brier(survival=nobody, **of, until_days=until_days)
    if null.value == 0:
        return Value.missing("Kaplan-Meier makes no error up to the horizon")
    return Value(1.0 - own.value / null.value)

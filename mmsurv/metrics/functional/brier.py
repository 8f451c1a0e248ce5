"""Brier score over time, and its integral."""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Bool, Float
from torchsurv.metrics.brier_score import BrierScore

from mmsurv.metrics.functional.censoring import ipcw, why_beyond
from mmsurv.metrics.functional.value import Array, Value, check_survival_data


def brier_curve(
    *,
    survival: Float[Array, "n T"],
    event: Bool[Array, " n"],
    time: Float[Array, " n"],
    train_event: Bool[Array, " m"],
    train_time: Float[Array, " m"],
    at_days: Float[Array, " T"],
) -> Float[Array, " T"]:
    r"""Brier score at each time, weighted for censoring.

    .. math:: BS(t) = \frac1n \sum_i \Big[ \frac{S_i(t)^2 \, 1\{t_i \le t, d_i = 1\}}{G(t_i)}
              + \frac{(1 - S_i(t))^2 \, 1\{t_i > t\}}{G(t)} \Big]

    Unweighted, the score of heavily censored patients is far too good; weights are not an option here.

    Args:
        survival: Predicted S_i(t), patients by times.
        event: True = it happened.
        time: Days.
        train_event: Of the training patients, for G.
        train_time: Of the training patients, for G.
        at_days: Increasing times, all below the end of follow-up.

    Raises:
        ValueError: Values are not finite, survival is not a probability, or a time is beyond the end.

    Source: Graf et al., 1999,
    doi:10.1002/(SICI)1097-0258(19990915/30)18:17/18<2529::AID-SIM274>3.0.CO;2-5. Computed by torchsurv.

    Example:
        >>> brier_curve(survival=np.full((2, 1), 0.5), event=np.array([True, True]),
        ...             time=np.array([1.0, 3.0]), train_event=np.array([True, True]),
        ...             train_time=np.array([1.0, 3.0]), at_days=np.array([2.0])).tolist()
        [0.25]
    """
    check_survival_data(event, time, survival=survival)
    if (survival < 0).any() or (survival > 1 + 1e-6).any():
        raise ValueError(
            f"survival probabilities lie in [0, 1], got [{survival.min()}, {survival.max()}]"
        )
    follow_up = {"train_event": train_event, "train_time": train_time}
    reason = why_beyond(float(np.max(at_days)), **follow_up, test_time=time)
    if reason:
        raise ValueError(reason)
    # A patient followed beyond the training patients has no weight of its own; it is only ever a
    # control at the times asked for, and controls are weighted at those times.
    own = np.minimum(time, np.nextafter(np.float32(np.max(train_time)), np.float32(0)))
    curve = BrierScore()(
        torch.from_numpy(np.clip(survival, 0, 1).astype(np.float32)),
        torch.from_numpy(np.asarray(event, dtype=bool)),
        torch.from_numpy(np.asarray(time, dtype=np.float32)),
        new_time=torch.from_numpy(np.asarray(at_days, dtype=np.float32)),
        weight=ipcw(**follow_up, at=own),
        weight_new_time=ipcw(**follow_up, at=at_days),
    )
    values: Array = curve.double().numpy()
    return values


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
    r"""Integrated Brier score from 0 to a horizon, by trapezoids on the given grid.

    .. math:: IBS(\tau) = \frac1\tau \int_0^\tau BS(t) \, dt

    BS(0) = 0, because everybody is alive and S(0) = 1. A model that always says 0.5 scores near 0.25.

    Args:
        survival: Predicted S_i(t), patients by times.
        event: True = it happened.
        time: Days.
        train_event: Of the training patients, for the censoring weights.
        train_time: Of the training patients.
        at_days: Increasing grid; times beyond the horizon are left out.
        until_days: The horizon tau; must be a point of the grid.

    Returns:
        The score, or NaN with the reason: the horizon is not on the grid or beyond the follow-up.

    Raises:
        ValueError: See `brier_curve`.

    Example:
        >>> integrated_brier(
        ...     survival=np.full((2, 1), 0.5), event=np.array([True, True]),
        ...     time=np.array([1.0, 3.0]), train_event=np.array([True, True]),
        ...     train_time=np.array([1.0, 3.0]), at_days=np.array([2.0]), until_days=2.0)
        Value(value=0.125, reason='')
    """
    check_survival_data(event, time, survival=survival)
    reason = why_beyond(until_days, train_event=train_event, train_time=train_time, test_time=time)
    if reason:
        return Value.missing(reason)
    grid = np.asarray(at_days, dtype=float)
    if not np.isclose(grid, until_days).any():
        return Value.missing(f"no survival is predicted at day {until_days:g}")
    used = grid <= until_days * (1 + 1e-9)
    curve = brier_curve(
        survival=survival[:, used],
        event=event,
        time=time,
        train_event=train_event,
        train_time=train_time,
        at_days=grid[used],
    )
    area = np.trapezoid(np.concatenate([[0.0], curve]), np.concatenate([[0.0], grid[used]]))
    return Value(float(area / until_days))

"""From log hazards to survival probabilities and risk groups, all fitted on training patients."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import torch
from jaxtyping import Bool, Float

from mmsurv.checks import check_finite, check_follow_up

Array = np.ndarray

DAYS_PER_YEAR = 365.25
DAYS_PER_MONTH = DAYS_PER_YEAR / 12


class Baseline(NamedTuple):
    """Cumulative baseline hazard: that of a patient whose log hazard is `center`. A step function.

    Attributes:
        time_days: 0, then the distinct event times of the training patients, increasing.
        cumulative_hazard: H0 from each time on; 0 at time 0, so that S(0) = 1.
        center: Mean log hazard of the training patients. Cox scores have a free origin; without
            centring, exp of a large one would lose the baseline.
    """

    time_days: Float[Array, " m"]
    cumulative_hazard: Float[Array, " m"]
    center: float

    def to_state(self) -> dict[str, Any]:
        """Tensors and numbers only, for a checkpoint that loads with `weights_only=True`."""
        return {
            "time_days": torch.from_numpy(self.time_days.copy()),
            "cumulative_hazard": torch.from_numpy(self.cumulative_hazard.copy()),
            "center": self.center,
        }

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> Baseline:
        """The baseline that `to_state` wrote, to the last bit."""
        return cls(
            time_days=state["time_days"].cpu().numpy(),
            cumulative_hazard=state["cumulative_hazard"].cpu().numpy(),
            center=float(state["center"]),
        )


def fit_baseline(
    *, log_hazard: Float[Array, " n"], event: Bool[Array, " n"], time: Float[Array, " n"]
) -> Baseline:
    r"""Breslow's estimate of the cumulative baseline hazard.

    .. math:: H_0(t) = \sum_{t_k \le t} \frac{d_k}{\sum_{j: t_j \ge t_k} e^{\eta_j - \bar\eta}}

    with d_k events at time t_k. Computed on logarithms in float64.

    Args:
        log_hazard: eta of the training patients, and of no others.
        event: True = it happened; at least one.
        time: Days, positive.

    Returns:
        The baseline at 0 and at every distinct event time.

    Raises:
        ValueError: Input that is not usable, or no event.

    Source: Breslow, discussion of Cox, 1972, doi:10.1111/j.2517-6161.1972.tb00900.x.

    Example:
        >>> baseline = fit_baseline(log_hazard=np.zeros(2), event=np.array([True, False]),
        ...                         time=np.array([10.0, 20.0]))
        >>> baseline.time_days.tolist(), baseline.cumulative_hazard.tolist()
        ([0.0, 10.0], [0.0, 0.5])
    """
    check_follow_up(event=event, time=time)
    check_finite("log_hazard", log_hazard, len(time))
    if not event.any():
        raise ValueError("a baseline hazard needs at least one event among the training patients")
    eta = log_hazard.astype(np.float64)
    center = float(eta.mean())
    times, index = np.unique(time.astype(np.float64), return_inverse=True)
    deaths = np.bincount(index[event], minlength=len(times))
    log_sum = np.full(len(times), -np.inf)
    np.logaddexp.at(log_sum, index, eta - center)
    log_at_risk = np.logaddexp.accumulate(log_sum[::-1])[::-1]
    dying = deaths > 0
    with np.errstate(over="ignore"):  # an infinite cumulative hazard is a survival of 0
        hazard = np.cumsum(deaths[dying] * np.exp(-log_at_risk[dying]))
    return Baseline(
        time_days=np.append(0.0, times[dying]),
        cumulative_hazard=np.append(0.0, hazard),
        center=center,
    )


def survival_probability(
    baseline: Baseline, *, log_hazard: Float[Array, " n"], at_days: Float[Array, " T"]
) -> Float[Array, "n T"]:
    r"""Probability of being without the event at each time, patient by patient.

    .. math:: S(t \mid x) = \exp\big(-H_0(t) \, e^{\eta(x) - \bar\eta}\big)

    A step function; beyond the last training time it holds its last value.

    Args:
        baseline: From `fit_baseline`.
        log_hazard: eta of the patients, from the same network as the baseline's.
        at_days: Times, not negative, in any order.

    Returns:
        float64, one row a patient, one column a time.

    Raises:
        ValueError: A log hazard or a time that is not finite, or a negative time.

    Example:
        >>> baseline = Baseline(np.array([0.0, 10.0]), np.array([0.0, 0.5]), 0.0)
        >>> survival_probability(baseline, log_hazard=np.zeros(1),
        ...                      at_days=np.array([0.0, 9.0, 10.0, 99.0])).round(3).tolist()
        [[1.0, 1.0, 0.607, 0.607]]
    """
    check_finite("log_hazard", log_hazard, len(log_hazard))
    check_finite("at_days", at_days, len(at_days))
    if (at_days < 0).any():
        raise ValueError(f"at_days must not be negative, got {float(at_days.min())}")
    step = np.searchsorted(baseline.time_days, at_days.astype(np.float64), side="right") - 1
    # On logarithms: 0 * inf would be NaN, -inf plus a finite number is not.
    with np.errstate(divide="ignore", over="ignore"):
        log_cumulative = np.log(baseline.cumulative_hazard)[step]
        eta = log_hazard.astype(np.float64) - baseline.center
        survival: Array = np.exp(-np.exp(log_cumulative[None, :] + eta[:, None]))
    return survival


def risk_cut(log_hazard: Float[Array, " n"]) -> float:
    """The log hazard that parts high from low risk: the median of the training patients.

    Args:
        log_hazard: Of the training patients, and of no others.

    Raises:
        ValueError: No patient, or a log hazard that is not finite.

    Example:
        >>> risk_cut(np.array([3.0, 1.0, 2.0]))
        2.0
    """
    check_finite("log_hazard", log_hazard, len(log_hazard))
    if len(log_hazard) == 0:
        raise ValueError("a risk cut needs at least one training patient")
    return float(np.median(log_hazard))


def risk_group(log_hazard: Float[Array, " n"], cut: float) -> Bool[Array, " n"]:
    """True = high risk: above the cut. At the cut is low.

    Args:
        log_hazard: Of any patients.
        cut: From `risk_cut`.

    Raises:
        ValueError: A log hazard that is not finite.

    Example:
        >>> risk_group(np.array([1.0, 2.0, 3.0]), cut=2.0).tolist()
        [False, False, True]
    """
    check_finite("log_hazard", log_hazard, len(log_hazard))
    high: Array = log_hazard > cut
    return high

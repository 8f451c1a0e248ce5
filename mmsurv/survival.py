"""From log hazards to survival curves and risk groups, fitted on training patients only.

In float64 on centred log hazards: a Cox model's log hazards have no origin, and exp of a large offset
destroys a survival curve in float32.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

Array = np.ndarray

DAYS_PER_YEAR = 365.25
DAYS_PER_MONTH = DAYS_PER_YEAR / 12


class Baseline(NamedTuple):
    """Cumulative baseline hazard of the training patients, a step function.

    Attributes:
        time_days: Distinct event times, increasing, after a first 0.
        cumulative_hazard: H0 from each time on; 0 at time 0, so that S(0) = 1.
        center: Mean training log hazard, subtracted before any exponential.
    """

    time_days: Float[Array, " m"]
    cumulative_hazard: Float[Array, " m"]
    center: float

    def to_state(self) -> dict[str, Tensor | float]:
        """Tensors and primitives, for a checkpoint that loads without unpickling."""
        return {
            "time_days": torch.from_numpy(self.time_days),
            "cumulative_hazard": torch.from_numpy(self.cumulative_hazard),
            "center": float(self.center),
        }

    @classmethod
    def from_state(cls, state: dict[str, Tensor | float]) -> Baseline:
        """The inverse of `to_state`."""
        times, hazard = state["time_days"], state["cumulative_hazard"]
        if not isinstance(times, Tensor) or not isinstance(hazard, Tensor):
            raise TypeError(f"a baseline holds two tensors, got {type(times)} and {type(hazard)}")
        return cls(times.double().numpy(), hazard.double().numpy(), float(state["center"]))


def fit_baseline(
    *, log_hazard: Float[Array, " n"], event: Bool[Array, " n"], time: Float[Array, " n"]
) -> Baseline:
    r"""Breslow's estimate of the cumulative baseline hazard.

    .. math:: H_0(t) = \sum_{t_k \le t} \frac{d_k}{\sum_{j: t_j \ge t_k} e^{\eta_j - \bar\eta}}

    with d_k events at the distinct event time t_k.

    Args:
        log_hazard: Of the training patients.
        event: True = it happened.
        time: Days.

    Returns:
        The baseline, whose log hazards are relative to the training mean.

    Raises:
        ValueError: A log hazard or time is not finite, or there is no event.

    Source: Breslow, contribution to the discussion of Cox (1972), doi:10.1111/j.2517-6161.1972.tb00900.x.

    Example:
        >>> baseline = fit_baseline(log_hazard=np.zeros(2), event=np.array([True, True]),
        ...                         time=np.array([10.0, 20.0]))
        >>> baseline.time_days.tolist(), baseline.cumulative_hazard.tolist()
        ([0.0, 10.0, 20.0], [0.0, 0.5, 1.5])
    """
    eta = np.asarray(log_hazard, dtype=np.float64)
    times = np.asarray(time, dtype=np.float64)
    happened = np.asarray(event, dtype=bool)
    if not (np.isfinite(eta).all() and np.isfinite(times).all()):
        raise ValueError("log hazards and times of a baseline must be finite")
    if not happened.any():
        raise ValueError("a baseline hazard needs at least one event among the training patients")
    center = float(eta.mean())
    weight = np.exp(eta - center)
    distinct, where = np.unique(times, return_inverse=True)
    deaths = np.bincount(where, weights=happened.astype(float))
    mass = np.bincount(where, weights=weight)
    at_risk = np.cumsum(mass[::-1])[::-1]
    with_events = deaths > 0
    hazard = np.cumsum(deaths[with_events] / at_risk[with_events])
    return Baseline(
        np.concatenate([[0.0], distinct[with_events]]), np.concatenate([[0.0], hazard]), center
    )


def survival_probability(
    baseline: Baseline, *, log_hazard: Float[Array, " n"], at_days: Float[Array, " T"]
) -> Float[Array, "n T"]:
    r"""Probability of no event up to and including each time.

    .. math:: S(t \mid x) = \exp\!\big(-H_0(t) \, e^{\eta(x) - \bar\eta}\big)

    Args:
        baseline: Of the training patients.
        log_hazard: Of the new patients.
        at_days: Times in days, in any order; beyond the last training event the curve is held.

    Raises:
        ValueError: A log hazard is not finite.

    Example:
        >>> baseline = Baseline(np.array([0.0, 10.0]), np.array([0.0, 1.0]), 0.0)
        >>> survival_probability(
        ...     baseline, log_hazard=np.zeros(1), at_days=np.array([0.0, 9.9, 10.0])
        ... ).round(3).tolist()
        [[1.0, 1.0, 0.368]]
    """
    eta = np.asarray(log_hazard, dtype=np.float64)
    if not np.isfinite(eta).all():
        raise ValueError("log hazards must be finite to give a survival probability")
    step = np.searchsorted(baseline.time_days, np.asarray(at_days), side="right") - 1
    hazard = baseline.cumulative_hazard[np.maximum(step, 0)]
    # exp(700) is the last finite power; beyond it survival is 0 to every digit anyway.
    relative = np.exp(np.minimum(eta - baseline.center, 700.0))
    survival: Array = np.exp(-np.outer(relative, hazard))
    return survival


def risk_cut(log_hazard: Float[Array, " n"]) -> float:
    """Median log hazard of the training patients, above which a patient is at high risk.

    Example:
        >>> risk_cut(np.array([3.0, 1.0, 2.0]))
        2.0
    """
    return float(np.median(log_hazard))


def risk_group(log_hazard: Float[Array, " n"], cut: float) -> Bool[Array, " n"]:
    """True = high risk: above the training cut.

    Example:
        >>> risk_group(np.array([1.0, 2.0, 3.0]), 2.0).tolist()
        [False, False, True]
    """
    high: Array = np.asarray(log_hazard) > cut
    return high

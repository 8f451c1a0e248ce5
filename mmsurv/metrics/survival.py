"""torchmetrics shells round the pure functions: they gather a whole set, then compute once.

A C-index of batches of 12, averaged, is not the C-index of the set; so `forward` of a batch is not
what these are for: call `update` on every batch and `compute` at the end. They watch a training, so
log hazards that are not finite give NaN with a reason here, where the pure functions raise.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torchmetrics import Metric
from torchmetrics.utilities import dim_zero_cat

from mmsurv.metrics.functional import (
    Value,
    auc_at,
    concordance,
    integrated_brier,
    uno_concordance,
)
from mmsurv.survival import Baseline, fit_baseline, survival_probability

Array = np.ndarray


class SurvivalMetric(Metric):
    """Gathers log hazards, events and times of a set.

    Attributes:
        reason: Why the last `compute` gave NaN; empty where it gave a number.
    """

    is_differentiable = False
    full_state_update = False
    higher_is_better: bool | None = True

    log_hazard: list[Tensor]
    event: list[Tensor]
    time: list[Tensor]

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.reason = ""
        for name in ("log_hazard", "event", "time"):
            self.add_state(name, default=[], dist_reduce_fx="cat")

    def update(
        self,
        *,
        log_hazard: Float[Tensor, " n"],
        event: Bool[Tensor, " n"],
        time: Float[Tensor, " n"],
    ) -> None:
        """Adds patients; see the function of the metric for the arguments."""
        self.log_hazard.append(log_hazard.detach())
        self.event.append(event)
        self.time.append(time)

    def compute(self) -> Float[Tensor, ""]:
        """The metric of all patients added; NaN with `reason` where it cannot be computed."""
        value = self._gathered()
        self.reason = value.reason
        return torch.tensor(value.value, dtype=torch.float32, device=self.device)

    def _gathered(self) -> Value:
        if not len(self.log_hazard):
            return Value.missing("no patient was added")
        log_hazard = _numpy(self.log_hazard)
        if not np.isfinite(log_hazard).all():
            return Value.missing("a log hazard is not finite")
        return self._value(
            log_hazard=log_hazard,
            event=_numpy(self.event).astype(bool),
            time=_numpy(self.time),
        )

    def _value(
        self,
        *,
        log_hazard: Float[Array, " n"],
        event: Bool[Array, " n"],
        time: Float[Array, " n"],
    ) -> Value:
        raise TypeError(f"{type(self).__name__} is a base class: use one of its subclasses")

    def plot(self, val: Any = None, ax: Any = None) -> Any:
        """Plots one or several computed values, as every torchmetrics metric does."""
        return self._plot(val, ax)


class ConcordanceIndex(SurvivalMetric):
    """Harrell's C-index of a set; see `mmsurv.metrics.functional.concordance`.

    Example:
        >>> metric = ConcordanceIndex()
        >>> for eta, t in ((2.0, 1.0), (1.0, 2.0)):
        ...     metric.update(log_hazard=torch.tensor([eta]), event=torch.tensor([True]),
        ...                   time=torch.tensor([t]))
        >>> metric.compute()
        tensor(1.)
    """

    def _value(
        self,
        *,
        log_hazard: Float[Array, " n"],
        event: Bool[Array, " n"],
        time: Float[Array, " n"],
    ) -> Value:
        return concordance(log_hazard=log_hazard, event=event, time=time)


class TimeDependentAUC(SurvivalMetric):
    """Cumulative/dynamic AUC of a set at one time; see `mmsurv.metrics.functional.auc_at`.

    Args:
        train_event: Of the training patients, for the censoring weights.
        train_time_days: Of the training patients.
        at_days: The time.

    Example:
        >>> metric = TimeDependentAUC(train_event=[True, True], train_time_days=[1.0, 9.0],
        ...                           at_days=1.5)
        >>> metric(log_hazard=torch.tensor([2.0, 1.0]), event=torch.tensor([True, True]),
        ...        time=torch.tensor([1.0, 2.0]))
        tensor(1.)
    """

    def __init__(
        self,
        *,
        train_event: Sequence[bool],
        train_time_days: Sequence[float],
        at_days: float,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.train_event = np.array(train_event, dtype=bool)
        self.train_time = np.array(train_time_days, dtype=float)
        self.at_days = at_days

    def _value(
        self,
        *,
        log_hazard: Float[Array, " n"],
        event: Bool[Array, " n"],
        time: Float[Array, " n"],
    ) -> Value:
        return auc_at(
            log_hazard=log_hazard,
            event=event,
            time=time,
            train_event=self.train_event,
            train_time=self.train_time,
            at_days=self.at_days,
        )


class UnoConcordanceIndex(TimeDependentAUC):
    """Uno's C-index of a set, truncated at one time; see `functional.uno_concordance`.

    Args:
        train_event: Of the training patients, for the censoring weights.
        train_time_days: Of the training patients.
        at_days: The truncation time, exclusive.

    Example:
        >>> metric = UnoConcordanceIndex(train_event=[True, True], train_time_days=[1.0, 9.0],
        ...                              at_days=1.5)
        >>> metric(log_hazard=torch.tensor([2.0, 1.0]), event=torch.tensor([True, True]),
        ...        time=torch.tensor([1.0, 2.0]))
        tensor(1.)
    """

    def _value(
        self,
        *,
        log_hazard: Float[Array, " n"],
        event: Bool[Array, " n"],
        time: Float[Array, " n"],
    ) -> Value:
        return uno_concordance(
            log_hazard=log_hazard,
            event=event,
            time=time,
            train_event=self.train_event,
            train_time=self.train_time,
            until=self.at_days,
        )


class IntegratedBrier(TimeDependentAUC):
    """Integrated Brier score of a set, from log hazards and the training patients' baseline.

    Call `fit` with the training patients' log hazards before `compute`; see
    `mmsurv.metrics.functional.integrated_brier`.

    Args:
        train_event: Of the training patients, for the censoring weights.
        train_time_days: Of the training patients.
        at_days: The horizon.
        points: Grid points up to the horizon.

    Attributes:
        baseline: From the last `fit`; None where there is none.
    """

    higher_is_better = False

    def __init__(
        self,
        *,
        train_event: Sequence[bool],
        train_time_days: Sequence[float],
        at_days: float,
        points: int = 20,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            train_event=train_event, train_time_days=train_time_days, at_days=at_days, **kwargs
        )
        self.grid = np.linspace(0, at_days, points + 1)[1:]
        self.baseline: Baseline | None = None

    def fit(
        self,
        *,
        log_hazard: Float[Tensor, " m"],
        event: Bool[Tensor, " m"],
        time: Float[Tensor, " m"],
    ) -> None:
        """Fits Breslow's baseline on training patients; leaves none where it cannot be fitted."""
        self.baseline = None
        # A value computed from the previous baseline must not be answered again.
        self._computed = None
        if bool(event.any()) and bool(torch.isfinite(log_hazard).all()):
            self.baseline = fit_baseline(
                log_hazard=_numpy([log_hazard.detach()]),
                event=_numpy([event]).astype(bool),
                time=_numpy([time]),
            )

    def _value(
        self,
        *,
        log_hazard: Float[Array, " n"],
        event: Bool[Array, " n"],
        time: Float[Array, " n"],
    ) -> Value:
        if self.baseline is None:
            return Value.missing("no baseline hazard was fitted on training patients")
        return integrated_brier(
            survival=survival_probability(self.baseline, log_hazard=log_hazard, at_days=self.grid),
            event=event,
            time=time,
            train_event=self.train_event,
            train_time=self.train_time,
            at_days=self.grid,
            until_days=self.at_days,
        )


def _numpy(parts: list[Tensor]) -> Array:
    values: Array = dim_zero_cat(parts).cpu().double().numpy()
    return values

"""torchmetrics shells of what is computed of predicted probabilities; `survival` has the rest."""

from __future__ import annotations

from typing import Any

import numpy as np
from jaxtyping import Bool, Float

from mmsurv.metrics.functional import (
    Value,
    calibration_slope,
    d_calibration,
    integrated_accuracy,
    survival_when_last_seen,
)
from mmsurv.metrics.survival import IntegratedBrier, SurvivalMetric
from mmsurv.survival import survival_probability

Array = np.ndarray

_NO_BASELINE = "no baseline hazard was fitted on training patients"


class PredictionAccuracy(IntegratedBrier):
    """Integrated index of prediction accuracy of a set: 1 - IBS / IBS of Kaplan-Meier.

    Call `fit` with the training patients' log hazards before `compute`; see
    `mmsurv.metrics.functional.integrated_accuracy`. Arguments as `IntegratedBrier`.
    """

    higher_is_better = True

    def _value(
        self,
        *,
        log_hazard: Float[Array, " n"],
        event: Bool[Array, " n"],
        time: Float[Array, " n"],
    ) -> Value:
        if self.baseline is None:
            return Value.missing(_NO_BASELINE)
        return integrated_accuracy(
            survival=survival_probability(self.baseline, log_hazard=log_hazard, at_days=self.grid),
            event=event,
            time=time,
            train_event=self.train_event,
            train_time=self.train_time,
            at_days=self.grid,
            until_days=self.at_days,
        )


class DCalibration(IntegratedBrier):
    """Value of p in the D-calibration test of a set, up to a horizon.

    Call `fit` with the training patients' log hazards before `compute`; see
    `mmsurv.metrics.functional.d_calibration`. Arguments as `IntegratedBrier`.
    """

    higher_is_better = True

    def _value(
        self,
        *,
        log_hazard: Float[Array, " n"],
        event: Bool[Array, " n"],
        time: Float[Array, " n"],
    ) -> Value:
        if self.baseline is None:
            return Value.missing(_NO_BASELINE)
        own, seen = survival_when_last_seen(
            survival=survival_probability(self.baseline, log_hazard=log_hazard, at_days=self.grid),
            time=time,
            event=event,
            at_days=self.grid,
        )
        found = d_calibration(survival_at_end=own, event=seen)
        return Value(found.p, found.reason)


class CalibrationSlope(SurvivalMetric):
    """Calibration slope of a set up to a horizon; see `functional.calibration_slope`.

    Neither higher nor lower is better: 1 is.

    Args:
        until_days: The horizon.

    Example:
        >>> import torch
        >>> metric = CalibrationSlope(until_days=9.0)
        >>> metric(log_hazard=torch.tensor([1.0, 0.0, 1.0, 0.0]),
        ...        event=torch.ones(4, dtype=torch.bool), time=torch.tensor([1.0, 2.0, 3.0, 4.0]))
        tensor(0.9406)
    """

    higher_is_better = None

    def __init__(self, *, until_days: float, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.until_days = until_days

    def _value(
        self,
        *,
        log_hazard: Float[Array, " n"],
        event: Bool[Array, " n"],
        time: Float[Array, " n"],
    ) -> Value:
        slope = calibration_slope(
            log_hazard=log_hazard, event=event, time=time, until=self.until_days
        )
        return Value(slope.value, slope.reason)

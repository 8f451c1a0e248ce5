"""Metrics of survival predictions: pure functions in `functional`, torchmetrics shells here."""

from mmsurv.metrics.probability import CalibrationSlope, DCalibration, PredictionAccuracy
from mmsurv.metrics.survival import (
    ConcordanceIndex,
    IntegratedBrier,
    TimeDependentAUC,
    UnoConcordanceIndex,
)

__all__ = [
    "CalibrationSlope",
    "ConcordanceIndex",
    "DCalibration",
    "IntegratedBrier",
    "PredictionAccuracy",
    "TimeDependentAUC",
    "UnoConcordanceIndex",
]

"""Metrics of survival predictions: pure functions in `functional`, torchmetrics shells here."""

from mmsurv.metrics.survival import ConcordanceIndex, IntegratedBrier, TimeDependentAUC

__all__ = ["ConcordanceIndex", "IntegratedBrier", "TimeDependentAUC"]

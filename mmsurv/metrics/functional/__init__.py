"""Metrics as pure functions: a number, or NaN with the reason why there is none."""

from mmsurv.metrics.functional.auc import auc_at
from mmsurv.metrics.functional.brier import brier_curve, integrated_brier
from mmsurv.metrics.functional.censoring import ipcw, legal_end
from mmsurv.metrics.functional.concordance import comparable_pairs, concordance
from mmsurv.metrics.functional.groups import StepCurve, kaplan_meier, logrank
from mmsurv.metrics.functional.value import Value

__all__ = [
    "StepCurve",
    "Value",
    "auc_at",
    "brier_curve",
    "comparable_pairs",
    "concordance",
    "integrated_brier",
    "ipcw",
    "kaplan_meier",
    "legal_end",
    "logrank",
]

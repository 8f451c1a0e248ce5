"""Metrics as pure functions of arrays; each returns a `Value`, or an array."""

from mmsurv.metrics.functional.auc import auc_at
from mmsurv.metrics.functional.brier import brier_curve, integrated_brier
from mmsurv.metrics.functional.censoring import ipcw, legal_end
from mmsurv.metrics.functional.concordance import (
    comparable_pairs,
    concordance,
    uno_concordance,
)
from mmsurv.metrics.functional.kaplan_meier import KaplanMeier, kaplan_meier
from mmsurv.metrics.functional.logrank import logrank, logrank_statistic
from mmsurv.metrics.functional.value import Value

__all__ = [
    "KaplanMeier",
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
    "logrank_statistic",
    "uno_concordance",
]

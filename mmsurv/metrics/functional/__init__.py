"""Metrics as pure functions of arrays; each returns a `Value`, an `Estimate`, or an array."""

from mmsurv.metrics.functional.accuracy import (
    accuracy_at,
    accuracy_curve,
    integrated_accuracy,
    null_survival,
)
from mmsurv.metrics.functional.auc import auc_at
from mmsurv.metrics.functional.brier import (
    brier_at,
    brier_curve,
    brier_terms,
    integrated_brier,
)
from mmsurv.metrics.functional.calibration import (
    CalibrationCurve,
    calibration_curve,
    calibration_slope,
    observed_over_expected,
)
from mmsurv.metrics.functional.censoring import ipcw, legal_end, legal_times
from mmsurv.metrics.functional.chance import FoldChance, chance_band, fold_chance
from mmsurv.metrics.functional.concordance import (
    comparable_pairs,
    concordance,
    pooled_concordance,
    uno_concordance,
)
from mmsurv.metrics.functional.cox import CoxFit, cox_regression, hazard_ratio
from mmsurv.metrics.functional.d_calibration import (
    DCalibration,
    d_calibration,
    survival_when_last_seen,
)
from mmsurv.metrics.functional.intervals import corrected_resampled, holm
from mmsurv.metrics.functional.kaplan_meier import KaplanMeier, kaplan_meier
from mmsurv.metrics.functional.logrank import logrank, logrank_statistic
from mmsurv.metrics.functional.permutation import Scored, null_band, permutation_logrank
from mmsurv.metrics.functional.rmst import restricted_mean, restricted_mean_difference
from mmsurv.metrics.functional.value import Estimate, Value

__all__ = [
    "CalibrationCurve",
    "CoxFit",
    "DCalibration",
    "Estimate",
    "FoldChance",
    "KaplanMeier",
    "Scored",
    "Value",
    "accuracy_at",
    "accuracy_curve",
    "auc_at",
    "brier_at",
    "brier_curve",
    "brier_terms",
    "calibration_curve",
    "calibration_slope",
    "chance_band",
    "comparable_pairs",
    "concordance",
    "corrected_resampled",
    "cox_regression",
    "d_calibration",
    "fold_chance",
    "hazard_ratio",
    "holm",
    "integrated_accuracy",
    "integrated_brier",
    "ipcw",
    "kaplan_meier",
    "legal_end",
    "legal_times",
    "logrank",
    "logrank_statistic",
    "null_band",
    "null_survival",
    "observed_over_expected",
    "permutation_logrank",
    "pooled_concordance",
    "restricted_mean",
    "restricted_mean_difference",
    "survival_when_last_seen",
    "uno_concordance",
]

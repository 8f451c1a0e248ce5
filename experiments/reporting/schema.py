"""What every table of a report holds, column by column; docs/report.md shows the same."""

from __future__ import annotations

from typing import NamedTuple


class TableSchema(NamedTuple):
    """A table: what a row is, and what its columns mean."""

    row: str
    columns: dict[str, str]


_ARM = {"arm": "name of the model in this report"}
_COUNTS = {
    "patients": "patients that the number is of",
    "events": "events among them",
    "comparable_pairs": "pairs within a fold of whom it is known who had the event first",
}
_INTERVAL = {"lower": "lower end of the 95 % interval", "upper": "upper end of the 95 % interval"}
_REASON = {"reason": "why a number is missing; empty where none is"}

SCHEMA: dict[str, TableSchema] = {
    "metrics": TableSchema(
        "a metric of a model, at a horizon where it has one",
        _ARM
        | {
            "kind": "network, classical, or foreign (a file of predictions)",
            "source": "argument of the command that it came from",
            "protocol": "nested, paper, or not known",
            "metric": "c_index, c_index_pooled (by comparable pairs), c_uno, auc, brier, ibs, ipa, "
            "integrated_ipa, calibration_slope, observed_expected, rmst_difference (years, low "
            "minus high risk), d_calibration, hazard_ratio (high against low), logrank, "
            "permutation",
            "horizon_years": "horizon; empty where the metric has none",
            "value": "mean over folds, then over repeats; c_index_pooled, hazard_ratio and "
            "rmst_difference are of all folds together; empty for a test",
            "lower": "lower end of the 95 % bootstrap interval, over patients within folds",
            "upper": "upper end of the same interval",
            "sd_folds": "standard deviation over folds, where the metric has one a fold",
            "corrected_lower": "of c_index: lower end of Nadeau and Bengio's 95 % interval",
            "corrected_upper": "upper end of the same interval",
            "null_lower": "of a C-index: lower end of 95 % of rankings without information",
            "null_upper": "upper end of the same band",
            "p": "of a C-index: one-sided, of a ranking without information; of a test: its p",
            "folds": "folds scored",
            "repeats": "repeats of the cross-validation",
        }
        | _COUNTS
        | _REASON,
    ),
    "folds": TableSchema(
        "a fold of a model",
        _ARM
        | {
            "protocol": "nested, paper, or not known",
            "repeat": "of the cross-validation, from 0",
            "fold": "from 0; numbers run on over repeats",
        }
        | _COUNTS
        | {
            "few_events": "true where the fold has fewer than ten events: mostly chance",
            "grid_from_years": "first of the predicted times at which the fold has a Brier score: "
            "those below the end of follow-up, of its training and of its held-out patients",
            "grid_to_years": "last of these times",
            "grid_times": "how many they are",
            "c_index": "Harrell's C",
            "c_uno_<years>y": "Uno's C up to the horizon",
            "auc_<years>y": "AUC at the horizon",
            "ibs_<years>y": "integrated Brier score up to the horizon",
            "ibs_km_<years>y": "the same of the training patients' Kaplan–Meier curve",
        }
        | _REASON,
    ),
    "comparisons": TableSchema(
        "two models on the same patients and folds",
        {
            "first": "name of one model",
            "second": "name of the other",
            "protocols": "of the one / of the other; one where they are alike",
            "difference": "C-index of the first minus that of the second, means over folds",
            "corrected_lower": "lower end of Nadeau and Bengio's 95 % interval, of the differences "
            "by fold and repeat",
            "corrected_upper": "upper end of the same interval",
            "test": "what p is of: corrected t, or where there is one fold, bootstrap",
            "p": "two-sided, of no difference",
            "p_holm": "the same after Holm, over the comparisons of the first model",
            "bootstrap_lower": "lower end of the 95 % bootstrap interval, patients drawn within "
            "folds: of the fitted models, not of the methods",
            "bootstrap_upper": "upper end of the same interval",
            "bootstrap_p": "two-sided, of no difference between the fitted models",
        }
        | _COUNTS
        | _REASON,
    ),
    "protocols": TableSchema(
        "a network under protocol paper that was also run under nested",
        {
            "nested": "name of the run under nested",
            "paper": "name of the run under paper, whose configuration is otherwise the same",
            "c_index_nested": "C-index of the one, mean over folds",
            "c_index_paper": "C-index of the other",
            "gap": "paper minus nested: what choosing the epoch on the reported patients gains",
            "corrected_lower": "lower end of Nadeau and Bengio's 95 % interval of the gaps by fold",
            "corrected_upper": "upper end of the same interval",
            "p": "two-sided, of no gap",
            "folds": "of every repeat",
        }
        | _COUNTS
        | _REASON,
    ),
    "subgroups": TableSchema(
        "a subgroup of a model's patients",
        _ARM
        | {"protocol": "nested, paper, or not known", "subgroup": "who"}
        | _COUNTS
        | {
            "c_index": "within folds and the subgroup, pooled by pairs",
            "c_index_lower": "lower end of its 95 % interval",
            "c_index_upper": "upper end of its 95 % interval",
            "null_lower": "lower end of 95 % of such C-indices of rankings without information",
            "null_upper": "upper end of the same band",
            "hazard_ratio": "of high against low risk",
            **_INTERVAL,
            "few_events": "true where the subgroup has fewer than ten events",
        }
        | _REASON,
    ),
    "hazards": TableSchema(
        "a term of a Cox regression of the out-of-fold patients, folds as strata",
        _ARM
        | {
            "protocol": "nested, paper, or not known",
            "model": "univariate, or multivariate with all terms together",
            "variable": "clinical variable, or the model's risk group",
            "contrast": "what one unit is",
            "patients": "with every variable of the regression known",
            "events": "among them",
            "hazard_ratio": "of the contrast",
            **_INTERVAL,
            "p": "Wald test of a ratio of 1",
        }
        | _REASON,
    ),
    "calibration": TableSchema(
        "a group of patients with like predicted risk, at a horizon",
        _ARM
        | {
            "protocol": "nested, paper, or not known",
            "horizon_years": "horizon",
            "group": "from 1, the lowest predicted risk",
            "patients": "in the group",
            "events": "among them by the horizon",
            "predicted": "mean predicted risk of the event by the horizon",
            "observed": "one minus Kaplan–Meier at the horizon",
            **_INTERVAL,
        }
        | _REASON,
    ),
    "curves": TableSchema(
        "a score of a model at a time",
        _ARM
        | {
            "protocol": "nested, paper, or not known",
            "metric": "brier, brier_reference (Kaplan–Meier of the training patients), or auc",
            "years": "time",
            "mean": "over folds",
            "sd": "standard deviation over folds",
            "folds": "folds scored",
            "events": "out-of-fold events by that time",
        },
    ),
    "risk_groups": TableSchema(
        "a step of the Kaplan–Meier curve of a risk group, all folds together",
        _ARM
        | {
            "protocol": "nested, paper, or not known",
            "group": "low or high",
            "years": "time",
            "survival": "probability of being without the event",
            **_INTERVAL,
            "at_risk": "patients at risk just before",
        },
    ),
    "risk_groups_mean": TableSchema(
        "a time of the mean over folds of a risk group's Kaplan–Meier curves",
        _ARM
        | {
            "protocol": "nested, paper, or not known",
            "group": "low or high",
            "years": "time",
            "mean": "mean over folds",
            "lower": "lower end of the 95 % band of that mean",
            "upper": "upper end of the 95 % band of that mean",
            "folds": "folds averaged",
        },
    ),
    "characteristics": TableSchema(
        "a clinical variable, or a level of it",
        _ARM
        | {
            "variable": "with its unit",
            "level": "of a category; or what the cells hold",
            "all": "all held-out patients: count (share), or median (quartiles)",
            "low": "those of low risk",
            "high": "those of high risk",
        },
    ),
    "reading": TableSchema(
        "a sentence on a model", _ARM | {"rule": "which rule made it", "text": "the sentence"}
    ),
    "tripod": TableSchema(
        "an item of TRIPOD+AI",
        _ARM
        | {
            "item": "its number",
            "asks": "what it asks for, in short",
            "answer": "what the files of the run say; empty where its authors must",
        },
    ),
}

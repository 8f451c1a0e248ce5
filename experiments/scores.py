"""Every reported number, from predictions.csv and folds.csv alone."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from experiments.scoring import survival_column
from mmsurv.metrics.functional import (
    Value,
    auc_at,
    comparable_pairs,
    concordance,
    integrated_brier,
    logrank,
)
from mmsurv.survival import DAYS_PER_YEAR

SURVIVAL_PREFIX = "survival_"


def fold_scores(
    predictions: pd.DataFrame, known: pd.DataFrame, horizons: tuple[float, ...]
) -> dict[str, Any]:
    """Scores of one held-out fold.

    Args:
        predictions: Rows of predictions.csv of one fold.
        known: time_days and event of all patients outside the fold; they give the censoring
            distribution.
        horizons: Years.

    Returns:
        Counts, and for every metric a dict of `value` and `reason` (empty where there is a value).
    """
    event = predictions["event"].to_numpy(dtype=bool)
    time = predictions["time_days"].to_numpy(dtype=float)
    log_hazard = predictions["log_hazard"].to_numpy(dtype=float)
    train_event = known["event"].to_numpy(dtype=bool)
    train_time = known["time_days"].to_numpy(dtype=float)
    years = survival_years_of(predictions)
    survival = predictions[[survival_column(y) for y in years]].to_numpy(dtype=float)
    scores: dict[str, Any] = {
        "fold": int(predictions["fold"].iloc[0]),
        "patients": len(predictions),
        "events": int(event.sum()),
        "comparable_pairs": comparable_pairs(event=event, time=time),
        "c_index": _entry(concordance(log_hazard=log_hazard, event=event, time=time)),
    }
    for horizon in horizons:
        at_days = horizon * DAYS_PER_YEAR
        scores[f"ibs_{horizon:g}y"] = _entry(
            integrated_brier(
                survival=survival,
                event=event,
                time=time,
                train_event=train_event,
                train_time=train_time,
                at_days=np.array(years) * DAYS_PER_YEAR,
                until_days=at_days,
            )
        )
        scores[f"auc_{horizon:g}y"] = _entry(
            auc_at(
                log_hazard=log_hazard,
                event=event,
                time=time,
                train_event=train_event,
                train_time=train_time,
                at_days=at_days,
            )
        )
    return scores


def survival_years_of(predictions: pd.DataFrame) -> list[float]:
    """Years of the survival columns, in order.

    Example:
        >>> survival_years_of(pd.DataFrame(columns=["fold", "survival_0.5y", "survival_1y"]))
        [0.5, 1.0]
    """
    names = [c for c in predictions.columns if c.startswith(SURVIVAL_PREFIX)]
    return sorted(float(name.removeprefix(SURVIVAL_PREFIX).removesuffix("y")) for name in names)


def first_repeat(predictions: pd.DataFrame) -> pd.DataFrame:
    """Every patient once: without repeats everything, otherwise the first repeat that was run.

    Example:
        >>> len(first_repeat(pd.DataFrame({"repeat": [0, 0, 1, 1]})))
        2
    """
    if "repeat" not in predictions:
        return predictions
    once: pd.DataFrame = predictions[predictions["repeat"] == predictions["repeat"].min()]
    return once


def cross_validated_scores(
    predictions: pd.DataFrame, folds: pd.DataFrame, horizons: tuple[float, ...], protocol: str
) -> dict[str, Any]:
    """Scores of all folds, their means and standard deviations, and the log-rank test.

    Log hazards of different folds have no common origin: C-index and AUC are computed within a fold
    and averaged. Risk groups were cut within each fold and may be pooled; the log-rank p of pooled
    out-of-fold groups is a description, not a valid test, for the folds share training patients.

    Args:
        predictions: predictions.csv.
        folds: folds.csv.
        horizons: Years.
        protocol: Named beside every number.
    """
    per_fold = [
        fold_scores(rows, folds[~folds["patient_id"].isin(rows["patient_id"])], horizons)
        for _, rows in predictions.groupby("fold", sort=True)
    ]
    once = first_repeat(predictions)
    metrics = [name for name, value in per_fold[0].items() if isinstance(value, dict)]
    group = (once["risk_group"] == "high").to_numpy()
    test = logrank(
        time=once["time_days"].to_numpy(dtype=float),
        event=once["event"].to_numpy(dtype=bool),
        group=group,
    )
    return {
        "protocol": protocol,
        "patients": len(once),
        "events": int(once["event"].sum()),
        "folds": per_fold,
        "cv": {name: _summary([scores[name] for scores in per_fold]) for name in metrics},
        "logrank_p": _entry(test),
    }


def flat_summary(scores: dict[str, Any]) -> dict[str, float]:
    """The cross-validated numbers under flat names, such as cv/c_index_sd and cv/ibs_5y."""
    flat: dict[str, float] = {}
    for name, summary in scores["cv"].items():
        flat[f"cv/{name}"] = summary["mean"]
        flat[f"cv/{name}_sd"] = summary["sd"]
    for fold in scores["folds"]:
        for name in scores["cv"]:
            flat[f"fold{fold['fold']}/test/{name}"] = fold[name]["value"]
    flat["cv/logrank_p"] = scores["logrank_p"]["value"]
    flat["cv/patients"] = float(scores["patients"])
    flat["cv/events"] = float(scores["events"])
    return flat


def _entry(value: Value) -> dict[str, Any]:
    return {"value": value.value, "reason": value.reason}


def _summary(entries: list[dict[str, Any]]) -> dict[str, Any]:
    """Mean and sample standard deviation over folds; NaN, with reasons, where a fold has none."""
    values = np.array([entry["value"] for entry in entries])
    reasons = sorted({entry["reason"] for entry in entries if entry["reason"]})
    spread = float(values.std(ddof=1)) if len(values) > 1 else float("nan")
    if len(values) == 1:
        reasons.append("one fold has no standard deviation")
    return {"mean": float(values.mean()), "sd": spread, "reason": "; ".join(reasons)}

"""Every reported number, from predictions.csv and folds.csv alone."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from experiments.fold_scores import entry, fold_scores, survival_years_of
from experiments.scoring import survival_column
from mmsurv.metrics.functional import (
    Estimate,
    chance_band,
    corrected_resampled,
    d_calibration,
    fold_chance,
    hazard_ratio,
    logrank,
    pooled_concordance,
    restricted_mean_difference,
    survival_when_last_seen,
)
from mmsurv.survival import DAYS_PER_YEAR


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
    """Scores of all folds, their means, spreads and intervals, and the log-rank test.

    Log hazards of different folds have no common origin: C-index and AUC are computed within a fold
    and averaged. Intervals are those of `corrected_resampled`, as folds share training patients;
    beside the C-index stands the band of rankings without information (`chance_band`).
    Risk groups were cut within each fold and may be pooled; the log-rank p of pooled out-of-fold
    groups is a description, not a valid test, for the same reason.

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
    held_once = set(once["fold"])
    share = float(np.mean([n / (len(folds) - n) for n in predictions.groupby("fold").size()]))
    metrics = [name for name, value in per_fold[0].items() if isinstance(value, dict)]
    cv = {name: _summary([scores[name] for scores in per_fold], share) for name in metrics}
    cv["c_index"] |= _null(predictions, share)
    pooled = pooled_scores(once, horizons)
    c_index = pooled_concordance(
        c_index=np.array([scores["c_index"]["value"] for scores in per_fold]),
        pairs=np.array([scores["comparable_pairs"] for scores in per_fold]),
    )
    return {
        "protocol": protocol,
        "patients": len(once),
        "events": int(once["event"].sum()),
        "comparable_pairs": sum(
            scores["comparable_pairs"] for scores in per_fold if scores["fold"] in held_once
        ),
        "test_share": share,
        "folds": per_fold,
        "cv": cv,
        "logrank_p": pooled.pop("logrank_p"),
        "pooled": {"c_index": entry(c_index), **pooled},
    }


def pooled_scores(predictions: pd.DataFrame, horizons: tuple[float, ...]) -> dict[str, Any]:
    """Scores of what may be pooled over folds: risk groups and survival probabilities.

    Intervals and p values take the patients as independent, which out-of-fold groups are not; the
    bootstrap within folds and the permutation test do better.

    Args:
        predictions: Rows of predictions.csv, every patient once.
        horizons: Years.

    Returns:
        logrank_p, hazard_ratio of high over low risk, rmst_difference of each horizon (days, low
        minus high), and d_calibration: statistic, p as `value`, patients by interval of
        probability, and the year to which the curves are known.
    """
    of = {
        "event": predictions["event"].to_numpy(dtype=bool),
        "time": predictions["time_days"].to_numpy(dtype=float),
    }
    group = (predictions["risk_group"] == "high").to_numpy()
    scores: dict[str, Any] = {
        "logrank_p": entry(logrank(**of, group=group)),
        "hazard_ratio": _estimate(hazard_ratio(**of, group=group)),
    }
    for horizon in horizons:
        scores[f"rmst_difference_{horizon:g}y"] = _estimate(
            restricted_mean_difference(**of, group=group, until=horizon * DAYS_PER_YEAR)
        )
    years = survival_years_of(predictions)
    own, seen = survival_when_last_seen(
        survival=predictions[[survival_column(year) for year in years]].to_numpy(dtype=float),
        **of,
        at_days=np.array(years) * DAYS_PER_YEAR,
    )
    test = d_calibration(survival_at_end=own, event=seen)
    scores["d_calibration"] = {
        "value": test.p,
        "reason": test.reason,
        "statistic": test.statistic,
        "counts": test.counts.tolist(),
        "until_years": years[-1],
    }
    return scores


def flat_summary(scores: dict[str, Any]) -> dict[str, float]:
    """The cross-validated numbers under flat names, such as cv/c_index_sd and cv/ibs_5y."""
    flat: dict[str, float] = {}
    for name, summary in scores["cv"].items():
        flat[f"cv/{name}"] = summary["mean"]
        flat[f"cv/{name}_sd"] = summary["sd"]
        for end in ("lower", "upper", "null_lower", "null_upper"):
            if end in summary:
                flat[f"cv/{name}_{end}"] = summary[end]
    for fold in scores["folds"]:
        for name in scores["cv"]:
            flat[f"fold{fold['fold']}/test/{name}"] = fold[name]["value"]
    flat["cv/logrank_p"] = scores["logrank_p"]["value"]
    flat |= {f"pooled/{name}": found["value"] for name, found in scores["pooled"].items()}
    flat["cv/patients"] = float(scores["patients"])
    flat["cv/events"] = float(scores["events"])
    return flat


def score_table(scores: dict[str, Any]) -> pd.DataFrame:
    """Scores as a flat table: one row a fold, then mean, sd, interval, and the band of chance."""
    names = list(scores["cv"])
    counts = ["fold", "patients", "events", "comparable_pairs"]
    rows: list[dict[str, Any]] = [
        {key: fold[key] for key in counts} | {name: fold[name]["value"] for name in names}
        for fold in scores["folds"]
    ]
    rows += [
        {"fold": kind} | {name: scores["cv"][name].get(kind, np.nan) for name in names}
        for kind in ("mean", "sd", "lower", "upper", "null_lower", "null_upper")
    ]
    return pd.DataFrame(rows).astype({"fold": str})


def _estimate(found: Estimate) -> dict[str, Any]:
    return {"value": found.value, "reason": found.reason, "lower": found.lower,
            "upper": found.upper, "p": found.p}  # fmt: skip


def _null(predictions: pd.DataFrame, share: float) -> dict[str, float]:
    """Band of the C-indices of rankings without information."""
    folds = [
        fold_chance(
            log_hazard=rows["log_hazard"].to_numpy(float),
            event=rows["event"].to_numpy(bool),
            time=rows["time_days"].to_numpy(float),
        )
        for _, rows in predictions.groupby("fold", sort=True)
    ]
    band = chance_band(folds, test_share=share)
    return {"null_lower": band.lower, "null_upper": band.upper}


def _summary(entries: list[dict[str, Any]], share: float) -> dict[str, Any]:
    """Mean, sample standard deviation and 95 % interval; NaN, with reasons, where a fold has none.

    Args:
        entries: Of the folds.
        share: Held-out over training patients of a fold.
    """
    values = np.array([entry["value"] for entry in entries])
    reasons = sorted({entry["reason"] for entry in entries if entry["reason"]})
    spread = float(values.std(ddof=1)) if len(values) > 1 else float("nan")
    if len(values) == 1:
        reasons.append("one fold has no standard deviation")
    interval = corrected_resampled(values, test_share=share)
    return {
        "mean": float(values.mean()),
        "sd": spread,
        "lower": interval.lower,
        "upper": interval.upper,
        "reason": "; ".join(reasons),
    }

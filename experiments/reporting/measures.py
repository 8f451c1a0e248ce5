"""Every number of a model: its value, its uncertainty, and how many patients stand behind it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from experiments.reporting.folds import column
from experiments.reporting.hazards import stratified_cox
from experiments.reporting.predictions import survival_columns
from experiments.reporting.sources import Arm
from experiments.reporting.uncertainty import c_interval, c_null, split_p
from experiments.scores import first_repeat
from mmsurv.metrics.functional import (
    Estimate,
    comparable_pairs,
    corrected_resampled,
    d_calibration,
    logrank,
    restricted_mean_difference,
    survival_when_last_seen,
)
from mmsurv.survival import DAYS_PER_YEAR

NAN = float("nan")


@dataclass(frozen=True)
class Effort:
    """How much is resampled.

    Attributes:
        resamples: Of the bootstrap and of the permutations.
        seed: Of both.
    """

    resamples: int
    seed: int


def metric_table(
    arm: Arm, folds: pd.DataFrame, horizons: tuple[float, ...], effort: Effort
) -> pd.DataFrame:
    """One row a metric, as `schema.SCHEMA["metrics"]` says.

    Args:
        arm: The model.
        folds: Of `folds.fold_table`, the same model.
        horizons: Years.
        effort: How much is resampled.
    """
    if not arm.answered:
        reason = "; ".join(f"fold {k}: {why}" for k, why in arm.unanswered.items())
        rows = [_row("c_index", reason=reason)]
    else:
        rows = [_c_index(arm, folds, effort)]
        for horizon in horizons:
            rows += _at_horizon(folds, horizon)
        rows += _calibration(arm)
        # The tests of the groups are for the models that the report is about.
        rows += _groups(arm, horizons, effort) if arm.main else []
    once = first_repeat(arm.rows)
    head = {"arm": arm.name, "kind": arm.kind, "source": arm.source, "protocol": arm.protocol}
    counts = {
        "folds": len(folds),
        "repeats": folds["repeat"].nunique(),
        "patients": len(once),
        "events": int(once["event"].sum()),
        "comparable_pairs": pairs_within_folds(once),
    }
    table = pd.DataFrame([head | row | counts for row in rows])
    return table[[*(c for c in table if c != "reason"), "reason"]]


def pairs_within_folds(rows: pd.DataFrame) -> int:
    """Comparable pairs of patients of one fold."""
    return sum(
        comparable_pairs(event=part["event"].to_numpy(bool), time=part["time_days"].to_numpy(float))
        for _, part in rows.groupby("fold")
    )


def _row(
    metric: str,
    estimate: Estimate | None = None,
    *,
    horizon: float = NAN,
    interval: str = "",
    reason: str = "",
) -> dict[str, Any]:
    found = Estimate.missing(reason) if estimate is None else estimate
    return {
        "metric": metric,
        "horizon_years": horizon,
        "value": found.value,
        "mean_folds": NAN,
        "sd_folds": NAN,
        "lower": found.lower,
        "upper": found.upper,
        "interval": interval if found.lower == found.lower else "",
        "null_lower": NAN,
        "null_upper": NAN,
        "p": found.p,
        "reason": found.reason,
    }


def _over_folds(values: pd.Series) -> dict[str, float]:
    several = len(values) > 1
    # A mean that leaves a fold out would be of other patients.
    whole = bool(values.notna().all())
    return {
        "mean_folds": float(values.mean()) if whole else NAN,
        "sd_folds": float(values.std()) if whole and several else NAN,
    }


def _c_index(arm: Arm, folds: pd.DataFrame, effort: Effort) -> dict[str, Any]:
    once = first_repeat(arm.rows)
    found = c_interval(arm.rows, effort.resamples, effort.seed)
    row = _row("c_index", found, interval="bootstrap")
    null = c_null(once, effort.resamples, effort.seed)
    row |= {"null_lower": null.lower, "null_upper": null.upper}
    return row | _over_folds(folds["c_index"])


def _at_horizon(folds: pd.DataFrame, horizon: float) -> list[dict[str, Any]]:
    """Uno's C, AUC and Brier score of the folds, and the index of prediction accuracy."""
    rows = []
    share = 1 / max(folds["fold"].nunique() / folds["repeat"].nunique() - 1, 1)
    reasons = sorted({r for text in folds["reason"] for r in str(text).split("; ") if r})
    for metric in ("uno_c", "auc", "ibs"):
        name = column(metric, horizon)
        values = folds[name]
        told = "; ".join(r.partition(": ")[2] for r in reasons if r.startswith(f"{name}:"))
        if values.isna().any():
            rows.append(_row(metric, horizon=horizon, reason=told or "a fold has none"))
            continue
        found = corrected_resampled(values.to_numpy(float), test_share=share)
        kind = "nadeau-bengio"
        p_less = found._replace(p=NAN)
        rows.append(_row(metric, p_less, horizon=horizon, interval=kind) | _over_folds(values))
    own, reference = folds[column("ibs", horizon)], folds[column("ibs_km", horizon)]
    if own.isna().any() or reference.isna().any():
        return [*rows, _row("ipa", horizon=horizon, reason="no integrated Brier score")]
    by_fold = 1 - own / reference
    found = corrected_resampled(by_fold.to_numpy(float), test_share=share)._replace(p=NAN)
    return [
        *rows,
        _row("ipa", found, horizon=horizon, interval="nadeau-bengio") | _over_folds(by_fold),
    ]


def _calibration(arm: Arm) -> list[dict[str, Any]]:
    """Slope, with folds as strata, and D-calibration: of models that predict survival."""
    once = first_repeat(arm.rows)
    columns = survival_columns(once.columns)
    if not columns:
        told = "the file predicts no survival, so its score need not be a log hazard"
        return [_row(metric, reason=told) for metric in ("calibration_slope", "d_calibration")]
    fit = stratified_cox(once[["time_days", "event", "fold", "log_hazard"]])
    slope = _row("calibration_slope", reason=fit.reason)
    if fit.table is not None:
        found = fit.table.loc["log_hazard"]
        values = [float(np.log(found[k])) for k in ("hazard_ratio", "lower", "upper")]
        slope = _row("calibration_slope", Estimate(*values), interval="model")
    seen, event = survival_when_last_seen(
        survival=once[list(columns.values())].to_numpy(float).clip(0, 1),
        time=once["time_days"].to_numpy(float),
        event=once["event"].to_numpy(bool),
        at_days=np.array(list(columns)) * DAYS_PER_YEAR,
    )
    test = d_calibration(survival_at_end=seen, event=event)
    return [slope, _row("d_calibration", reason=test.reason) | {"p": test.p}]


def _groups(arm: Arm, horizons: tuple[float, ...], effort: Effort) -> list[dict[str, Any]]:
    """What parts the risk groups."""
    once = first_repeat(arm.rows)
    names = ("hazard_ratio", "logrank", "permutation")
    if "risk_group" not in once:
        told = "the file has no risk_group"
        return [_row(name, reason=told) for name in names]
    high = (once["risk_group"] == "high").to_numpy()
    time, event = once["time_days"].to_numpy(float), once["event"].to_numpy(bool)
    fit = stratified_cox(once[["time_days", "event", "fold"]].assign(high=high.astype(float)))
    ratio = _row("hazard_ratio", reason=fit.reason)
    if fit.table is not None:
        found = fit.table.loc["high"]
        estimate = Estimate(*(float(found[k]) for k in ("hazard_ratio", "lower", "upper", "p")))
        ratio = _row("hazard_ratio", estimate, interval="model")
    rows = [ratio]
    for horizon in horizons:
        gained = restricted_mean_difference(
            event=event, time=time, group=high, until=horizon * DAYS_PER_YEAR
        )
        years = Estimate(*(v / DAYS_PER_YEAR for v in gained[:3]), p=gained.p, reason=gained.reason)
        rows.append(_row("rmst_difference", years, horizon=horizon, interval="model"))
    plain = logrank(time=time, event=event, group=high)
    rows.append(_row("logrank", reason=plain.reason) | {"p": plain.value})
    p = split_p(once, effort.resamples, effort.seed)
    reason = plain.reason if p != p else ""
    return [*rows, _row("permutation", reason=reason) | {"p": p}]

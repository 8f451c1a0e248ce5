"""Every number of a model: its value, its uncertainty, and how many patients stand behind it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from experiments.reporting.folds import column
from experiments.reporting.predictions import survival_columns
from experiments.reporting.sources import Arm
from experiments.reporting.uncertainty import Effort, chance, share_held_out, split_p
from experiments.scores import first_repeat
from mmsurv.metrics.functional import (
    Estimate,
    comparable_pairs,
    corrected_resampled,
    d_calibration,
    logrank,
    survival_when_last_seen,
)
from mmsurv.metrics.resample import Bootstrap, percentile_interval
from mmsurv.survival import DAYS_PER_YEAR

NAN = float("nan")
NO_GROUPS = "the file has no risk_group"
# Metrics at a horizon, in the words of the bootstrap, and whether they need predicted survival.
AT_HORIZON = {
    "c_uno": False, "auc": False, "brier": True, "ibs": True, "ipa": True, "integrated_ipa": True,
    "calibration_slope": True, "observed_expected": True, "rmst_difference": False,
}  # fmt: skip


def metric_table(
    arm: Arm,
    folds: pd.DataFrame,
    draws: Bootstrap | None,
    horizons: tuple[float, ...],
    effort: Effort,
) -> pd.DataFrame:
    """One row a metric, as `schema.SCHEMA["metrics"]` says.

    Args:
        arm: The model.
        folds: Of `folds.fold_table`, the same model.
        draws: Of `uncertainty.resampled`; None where a fold has no answer.
        horizons: Years.
        effort: How often risk groups are dealt.
    """
    if draws is None:
        told = "; ".join(f"fold {k}: {why}" for k, why in arm.unanswered.items())
        rows = [_row("c_index", Estimate.missing(told or "no predictions"))]
    else:
        rows = _c_index(arm, folds, draws)
        for horizon in horizons:
            rows += [_at_horizon(arm, metric, horizon, folds, draws) for metric in AT_HORIZON]
        rows += [_d_calibration(arm), *_groups(arm, draws, effort)]
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
    return table[[*(name for name in table if name != "reason"), "reason"]]


def pairs_within_folds(rows: pd.DataFrame) -> int:
    """Comparable pairs of patients of one fold."""
    return sum(
        comparable_pairs(event=part["event"].to_numpy(bool), time=part["time_days"].to_numpy(float))
        for _, part in rows.groupby("fold")
    )


def _row(metric: str, found: Estimate, *, horizon: float = NAN) -> dict[str, Any]:
    return {
        "metric": metric,
        "horizon_years": horizon,
        "value": found.value,
        "lower": found.lower,
        "upper": found.upper,
        "sd_folds": NAN,
        "corrected_lower": NAN,
        "corrected_upper": NAN,
        "null_lower": NAN,
        "null_upper": NAN,
        "p": found.p,
        "reason": found.reason,
    }


def _c_index(arm: Arm, folds: pd.DataFrame, draws: Bootstrap) -> list[dict[str, Any]]:
    """Mean over folds with the band of chance, and pooled by pairs."""
    found = percentile_interval(draws, "c_index")
    values = folds["c_index"]
    lacking = folds.loc[values.isna(), "fold"].tolist()
    if lacking:
        found = Estimate.missing(f"no comparable pair in fold {', '.join(map(str, lacking))}")
    row = _row("c_index", found)
    row |= _null(chance(arm, arm.rows))
    row["sd_folds"] = float(values.std()) if len(values) > 1 and not lacking else NAN
    share = share_held_out(arm.rows)
    if share > 0:
        corrected = corrected_resampled(values.to_numpy(float), test_share=share)
        row |= {"corrected_lower": corrected.lower, "corrected_upper": corrected.upper}
    pooled = _row("c_index_pooled", percentile_interval(draws, "c_index_pooled"))
    return [row, pooled | _null(chance(arm, arm.rows, pooled=True))]


def _null(band: Estimate) -> dict[str, float]:
    return {"null_lower": band.lower, "null_upper": band.upper, "p": band.p}


def _at_horizon(
    arm: Arm, metric: str, horizon: float, folds: pd.DataFrame, draws: Bootstrap
) -> dict[str, Any]:
    row = _scored_at(arm, metric, horizon, folds, draws)
    if metric == "c_uno" and row["value"] == row["value"]:
        row |= _null(chance(arm, arm.rows, until=horizon * DAYS_PER_YEAR))
    return row


def _scored_at(
    arm: Arm, metric: str, horizon: float, folds: pd.DataFrame, draws: Bootstrap
) -> dict[str, Any]:
    if metric == "rmst_difference" and "risk_group" not in arm.rows:
        return _row(metric, Estimate.missing(NO_GROUPS), horizon=horizon)
    by_fold = column(metric, horizon)
    if horizon not in survival_columns(arm.rows.columns):
        found = Estimate.missing(f"no survival_{horizon:g}y is predicted")
        if by_fold in folds and not AT_HORIZON[metric]:
            # The bootstrap has no such horizon; the folds know the value.
            mean = float(folds[by_fold].mean(skipna=False))
            reason = "" if mean == mean else _why(folds, by_fold)
            found = Estimate(mean, NAN, NAN, reason=reason)
        return _row(metric, found, horizon=horizon)
    found = percentile_interval(draws, by_fold)
    if metric == "rmst_difference":
        value, lower, upper = (number / DAYS_PER_YEAR for number in found[:3])
        found = Estimate(value, lower, upper, reason=found.reason)
    if found.value != found.value and by_fold in folds:
        found = found._replace(reason=_why(folds, by_fold))
    row = _row(metric, found, horizon=horizon)
    if by_fold in folds and folds[by_fold].notna().all() and len(folds) > 1:
        row["sd_folds"] = float(folds[by_fold].std())
    return row


def _why(folds: pd.DataFrame, name: str) -> str:
    """What the folds say of a metric that they lack."""
    told = {
        reason.partition(": ")[2]
        for text in folds["reason"]
        for reason in str(text).split("; ")
        if reason.startswith(f"{name}: ")
    }
    return "; ".join(sorted(told)) or "it cannot be computed in every fold"


def _d_calibration(arm: Arm) -> dict[str, Any]:
    once = first_repeat(arm.rows)
    columns = survival_columns(once.columns)
    if not columns:
        return _row("d_calibration", Estimate.missing("no survival is predicted"))
    seen, event = survival_when_last_seen(
        survival=once[list(columns.values())].to_numpy(float).clip(0, 1),
        time=once["time_days"].to_numpy(float),
        event=once["event"].to_numpy(bool),
        at_days=np.array(list(columns)) * DAYS_PER_YEAR,
    )
    test = d_calibration(survival_at_end=seen, event=event)
    return _row("d_calibration", Estimate(NAN, NAN, NAN, test.p, test.reason))


def _groups(arm: Arm, draws: Bootstrap, effort: Effort) -> list[dict[str, Any]]:
    """What parts the risk groups."""
    once = first_repeat(arm.rows)
    if "risk_group" not in once:
        names = ("hazard_ratio", "logrank", "permutation")
        return [_row(name, Estimate.missing(NO_GROUPS)) for name in names]
    ratio = percentile_interval(draws, "hazard_ratio")
    if ratio.value != ratio.value:
        ratio = Estimate.missing("a group is empty or has no event")
    plain = logrank(
        time=once["time_days"].to_numpy(float),
        event=once["event"].to_numpy(bool),
        group=(once["risk_group"] == "high").to_numpy(),
    )
    dealt = split_p(once, effort)
    return [
        _row("hazard_ratio", ratio),
        _row("logrank", Estimate(NAN, NAN, NAN, plain.value, plain.reason)),
        _row("permutation", Estimate(NAN, NAN, NAN, dealt.value, dealt.reason)),
    ]

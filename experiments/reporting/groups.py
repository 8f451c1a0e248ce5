"""Survival of the risk groups: pooled over the folds, and averaged over them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import t as student

from experiments.scores import first_repeat
from mmsurv.metrics.functional import KaplanMeier, kaplan_meier
from mmsurv.survival import DAYS_PER_YEAR

GROUPS = ("low", "high")
STEP_YEARS = 1 / 12


def curve_of(rows: pd.DataFrame) -> KaplanMeier:
    """Kaplan-Meier of some rows of predictions.csv, in days."""
    return kaplan_meier(
        event=rows["event"].to_numpy(dtype=bool), time=rows["time_days"].to_numpy(dtype=float)
    )


def at(curve: KaplanMeier, days: np.ndarray) -> np.ndarray:
    """Positions in a curve at some times, none beyond its last."""
    where: np.ndarray = np.searchsorted(curve.time, days, side="right") - 1
    return where


def pooled_curves(predictions: pd.DataFrame) -> pd.DataFrame:
    """Kaplan-Meier of each group over all out-of-fold patients, each once.

    Returns:
        Columns group, years, survival, lower, upper (95 %), at_risk.
    """
    once = first_repeat(predictions)
    parts = []
    for group in GROUPS:
        rows = once[once["risk_group"] == group]
        if len(rows) == 0:
            continue
        curve = curve_of(rows)
        table = pd.DataFrame(curve._asdict()).rename(columns={"time": "years"})
        table["years"] /= DAYS_PER_YEAR
        table.insert(0, "group", group)
        parts.append(table)
    order = ["group", "years", "survival", "lower", "upper", "at_risk"]
    return pd.concat(parts, ignore_index=True)[order]


def mean_curves(predictions: pd.DataFrame) -> tuple[pd.DataFrame, str]:
    r"""The mean over folds of each group's Kaplan-Meier curve, and a 95 % band of that mean.

    .. math:: \bar S(t) \pm t_{0.975, K-1} \, \mathrm{sd}_k(S_k(t)) / \sqrt K

    over the K folds of one repeat, up to where the first fold's follow-up ends. The band describes
    how far folds differ; they share training patients, so it is no confidence band of a new fold.

    Returns:
        Columns group, years, mean, lower, upper, folds; and why it is empty.
    """
    once = first_repeat(predictions)
    folds = sorted(once["fold"].unique())
    parts: list[pd.DataFrame] = []
    for group in GROUPS:
        rows = once[once["risk_group"] == group]
        curves = [curve_of(part) for _, part in rows.groupby("fold")]
        if len(folds) < 2 or len(curves) < len(folds):
            lacking = "one fold has no mean" if len(folds) < 2 else f"a fold has no {group} risk"
            return pd.DataFrame(), lacking
        end = min(float(curve.time[-1]) for curve in curves)
        years = np.arange(0.0, end / DAYS_PER_YEAR, STEP_YEARS)
        days = years * DAYS_PER_YEAR
        values = np.array([curve.survival[at(curve, days)] for curve in curves])
        half = student.ppf(0.975, len(curves) - 1) * values.std(0, ddof=1) / np.sqrt(len(curves))
        mean = values.mean(0)
        columns: dict[str, Any] = {
            "group": group,
            "years": years,
            "mean": mean,
            "lower": (mean - half).clip(0, 1),
            "upper": (mean + half).clip(0, 1),
            "folds": len(curves),
        }
        parts.append(pd.DataFrame(columns))
    return pd.concat(parts, ignore_index=True), ""

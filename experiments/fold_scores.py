"""Every number of one held-out fold, from its predictions and the outcomes outside it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from experiments.scoring import survival_column
from mmsurv.metrics.functional import (
    Estimate,
    Value,
    accuracy_at,
    auc_at,
    brier_at,
    calibration_slope,
    comparable_pairs,
    concordance,
    integrated_accuracy,
    integrated_brier,
    legal_times,
    observed_over_expected,
    uno_concordance,
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
            distribution and the Kaplan-Meier curve of the index of prediction accuracy.
        horizons: Years.

    Returns:
        Counts, `grid_years` on which the Brier score exists, and for every metric a dict of `value`
        and `reason` (empty where there is a value).
    """
    years = np.array(survival_years_of(predictions))
    columns = [survival_column(year) for year in years]
    of = {
        "event": predictions["event"].to_numpy(dtype=bool),
        "time": predictions["time_days"].to_numpy(dtype=float),
    }
    log_hazard = predictions["log_hazard"].to_numpy(dtype=float)
    outside = {
        "train_event": known["event"].to_numpy(dtype=bool),
        "train_time": known["time_days"].to_numpy(dtype=float),
    }
    grid = legal_times(
        years * DAYS_PER_YEAR, train_time=outside["train_time"], test_time=of["time"]
    )
    scores: dict[str, Any] = {
        "fold": int(predictions["fold"].iloc[0]),
        "patients": len(predictions),
        "events": int(of["event"].sum()),
        "comparable_pairs": comparable_pairs(**of),
        "grid_years": years[: len(grid)].tolist(),
        "c_index": entry(concordance(log_hazard=log_hazard, **of)),
    }
    curves = {
        "survival": predictions[columns].to_numpy(dtype=float),
        **of,
        **outside,
        "at_days": years * DAYS_PER_YEAR,
    }
    for horizon in horizons:
        at = horizon * DAYS_PER_YEAR
        there = {"survival": predictions[survival_column(horizon)].to_numpy(dtype=float), **of}
        values: dict[str, Value | Estimate] = {
            "ibs": integrated_brier(**curves, until_days=at),
            "auc": auc_at(log_hazard=log_hazard, **of, **outside, at_days=at),
            "c_uno": uno_concordance(log_hazard=log_hazard, **of, **outside, until=at),
            "brier": brier_at(**there, **outside, at_days=at),
            "ipa": accuracy_at(**there, **outside, at_days=at),
            "integrated_ipa": integrated_accuracy(**curves, until_days=at),
            "calibration_slope": calibration_slope(log_hazard=log_hazard, **of, until=at),
            "observed_expected": observed_over_expected(**there, at_days=at),
        }
        scores |= {f"{name}_{horizon:g}y": entry(value) for name, value in values.items()}
    return scores


def survival_years_of(predictions: pd.DataFrame) -> list[float]:
    """Years of the survival columns, in order.

    Example:
        >>> survival_years_of(pd.DataFrame(columns=["fold", "survival_0.5y", "survival_1y"]))
        [0.5, 1.0]
    """
    names = [c for c in predictions.columns if c.startswith(SURVIVAL_PREFIX)]
    return sorted(float(name.removeprefix(SURVIVAL_PREFIX).removesuffix("y")) for name in names)


def entry(value: Value | Estimate) -> dict[str, Any]:
    """As metrics.json holds a number: without its interval, which over folds is another one.

    Example:
        >>> entry(Value(0.5))
        {'value': 0.5, 'reason': ''}
    """
    return {"value": value.value, "reason": value.reason if value.value != value.value else ""}

"""Calibration: what was predicted beside what happened."""

from __future__ import annotations

import numpy as np
import pandas as pd

from experiments.reporting.predictions import survival_columns
from experiments.scores import first_repeat
from mmsurv.metrics.functional import calibration_curve
from mmsurv.survival import DAYS_PER_YEAR

EVENTS_A_GROUP = 10
FEWEST_GROUPS, MOST_GROUPS = 2, 5


def calibration_table(predictions: pd.DataFrame, horizons: tuple[float, ...]) -> pd.DataFrame:
    """Patients in groups of like predicted risk: mean predicted and observed risk at each horizon.

    Predicted risks are probabilities, so patients of all folds go together. Observed risk is one
    minus Kaplan-Meier, with its 95 % interval. There are two to five groups, so that ten events
    fall to each where the cohort has them.

    Returns:
        Columns horizon_years, group, patients, events (by the horizon), predicted, observed, lower,
        upper, reason. Horizons that the file does not predict are left out.
    """
    once = first_repeat(predictions)
    columns = survival_columns(once.columns)
    parts = []
    for horizon in (h for h in horizons if h in columns):
        days = horizon * DAYS_PER_YEAR
        early = once["event"].astype(bool) & (once["time_days"] <= days)
        groups = int(np.clip(early.sum() // EVENTS_A_GROUP, FEWEST_GROUPS, MOST_GROUPS))
        curve = calibration_curve(
            survival=once[columns[horizon]].to_numpy(float).clip(0, 1),
            event=once["event"].to_numpy(bool),
            time=once["time_days"].to_numpy(float),
            at_days=days,
            groups=groups,
        )
        table = pd.DataFrame(curve._asdict())
        table.insert(0, "horizon_years", horizon)
        table.insert(1, "group", range(1, len(table) + 1))
        short = f"nobody of the group is followed for {horizon:g} years"
        table["reason"] = np.where(table["observed"].isna(), short, "")
        parts.append(table)
    if not parts:
        return pd.DataFrame()
    order = ["horizon_years", "group", "patients", "events", "predicted", "observed", "lower"]
    return pd.concat(parts, ignore_index=True)[[*order, "upper", "reason"]]

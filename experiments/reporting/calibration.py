"""Calibration: what was predicted beside what happened."""

from __future__ import annotations

import numpy as np
import pandas as pd

from experiments.reporting.groups import at, curve_of
from experiments.reporting.predictions import survival_columns
from experiments.scores import first_repeat
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
    rows = []
    for horizon in (h for h in horizons if h in columns):
        days = horizon * DAYS_PER_YEAR
        risk = 1 - once[columns[horizon]].to_numpy(float)
        early = once["event"].astype(bool) & (once["time_days"] <= days)
        groups = int(np.clip(early.sum() // EVENTS_A_GROUP, FEWEST_GROUPS, MOST_GROUPS))
        # Ranks, not risks: equal risks must not leave a group empty.
        order = pd.Series(risk, index=once.index).rank(method="first")
        member = np.minimum((order - 1) * groups // len(once), groups - 1).astype(int)
        for group in range(groups):
            part = once[member == group]
            if len(part) == 0:
                continue
            rows.append(
                {
                    "horizon_years": horizon,
                    "group": group + 1,
                    "patients": len(part),
                    "events": int(early[part.index].sum()),
                    "predicted": float((1 - part[columns[horizon]]).mean()),
                    **_observed(part, days),
                }
            )
    return pd.DataFrame(rows)


def _observed(rows: pd.DataFrame, days: float) -> dict[str, float | str]:
    curve = curve_of(rows)
    if days > curve.time[-1]:
        told = f"nobody of the group is followed for {days / DAYS_PER_YEAR:g} years"
        return {"observed": np.nan, "lower": np.nan, "upper": np.nan, "reason": told}
    (place,) = at(curve, np.array([days]))
    return {
        "observed": float(1 - curve.survival[place]),
        "lower": float(1 - curve.upper[place]),
        "upper": float(1 - curve.lower[place]),
        "reason": "",
    }

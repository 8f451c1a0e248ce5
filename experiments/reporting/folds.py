"""Every number of every fold of a model."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from experiments.reporting.curves import training_of
from experiments.reporting.predictions import survival_columns
from experiments.reporting.reading import FEW_EVENTS
from experiments.reporting.sources import Arm
from mmsurv.metrics.functional import (
    Value,
    auc_at,
    comparable_pairs,
    concordance,
    integrated_brier,
    legal_times,
    null_survival,
    uno_concordance,
)
from mmsurv.survival import DAYS_PER_YEAR

# By metric of a horizon: its name for a reader.
AT_HORIZON = {
    "c_uno": "Uno's C",
    "auc": "AUC",
    "ibs": "integrated Brier score",
    "ibs_km": "integrated Brier score of Kaplan–Meier",
}

GRID = ("grid_from_years", "grid_to_years", "grid_times")


def column(metric: str, horizon: float) -> str:
    """Name of a metric's column at a horizon.

    Example:
        >>> column("auc", 5.0)
        'auc_5y'
    """
    return f"{metric}_{horizon:g}y"


def fold_table(arm: Arm, horizons: tuple[float, ...]) -> pd.DataFrame:
    """One row a fold.

    Returns:
        Columns arm, protocol, repeat, fold, patients, events, comparable_pairs, few_events (fewer
        than ten), grid_from_years, grid_to_years and grid_times of the legal time grid of the Brier
        score, c_index; c_uno, auc, ibs and ibs_km at every horizon as <metric>_<years>y; reason,
        which says why any of them is NaN.
    """
    rows = [_scores(arm, part, horizons) for _, part in arm.rows.groupby("fold", sort=True)]
    rows += [_no_answer(arm, fold, why, horizons) for fold, why in arm.unanswered.items()]
    return pd.DataFrame(rows).sort_values("fold", ignore_index=True)


def _scores(arm: Arm, rows: pd.DataFrame, horizons: tuple[float, ...]) -> dict[str, Any]:
    event, time = rows["event"].to_numpy(dtype=bool), rows["time_days"].to_numpy(dtype=float)
    log_hazard = rows["log_hazard"].to_numpy(dtype=float)
    values = {"c_index": concordance(log_hazard=log_hazard, event=event, time=time)}
    for horizon in horizons:
        found = _at_horizon(rows, training_of(arm, rows), horizon)
        values |= {column(metric, horizon): value for metric, value in found.items()}
    told = {f"{name}: {value.reason}": None for name, value in values.items() if value.reason}
    return {
        **_head(arm, int(rows["fold"].iloc[0])),
        "patients": len(rows),
        "events": int(event.sum()),
        "comparable_pairs": comparable_pairs(event=event, time=time),
        "few_events": bool(event.sum() < FEW_EVENTS),
        **_grid(rows, training_of(arm, rows)),
        **{name: value.value for name, value in values.items()},
        "reason": "; ".join(told),
    }


def _head(arm: Arm, fold: int) -> dict[str, Any]:
    repeat = 0
    if "repeat" in arm.rows and (arm.rows["fold"] == fold).any():
        repeat = int(arm.rows.loc[arm.rows["fold"] == fold, "repeat"].iloc[0])
    return {"arm": arm.name, "protocol": arm.protocol, "repeat": repeat, "fold": fold}


def _no_answer(arm: Arm, fold: int, why: str, horizons: tuple[float, ...]) -> dict[str, Any]:
    names = ["c_index", *(column(m, h) for h in horizons for m in AT_HORIZON)]
    counts: dict[str, Any] = {"patients": 0, "events": 0, "comparable_pairs": 0, "few_events": True}
    counts |= dict(zip(GRID, (np.nan, np.nan, 0), strict=True))
    return _head(arm, fold) | counts | dict.fromkeys(names, np.nan) | {"reason": why}


def _grid(rows: pd.DataFrame, known: pd.DataFrame) -> dict[str, Any]:
    """First, last and number of the predicted times at which the fold has a Brier score."""
    years = np.array(list(survival_columns(rows.columns)))
    legal = legal_times(
        years * DAYS_PER_YEAR,
        train_time=known["time_days"].to_numpy(dtype=float),
        test_time=rows["time_days"].to_numpy(dtype=float),
    )
    ends = (years[0], years[len(legal) - 1]) if len(legal) else (np.nan, np.nan)
    return dict(zip(GRID, (*ends, len(legal)), strict=True))


def _at_horizon(rows: pd.DataFrame, known: pd.DataFrame, horizon: float) -> dict[str, Value]:
    days = horizon * DAYS_PER_YEAR
    log_hazard = rows["log_hazard"].to_numpy(dtype=float)
    follow_up = {
        "event": rows["event"].to_numpy(dtype=bool),
        "time": rows["time_days"].to_numpy(dtype=float),
        "train_event": known["event"].to_numpy(dtype=bool),
        "train_time": known["time_days"].to_numpy(dtype=float),
    }
    found = {
        "c_uno": uno_concordance(log_hazard=log_hazard, until=days, **follow_up),
        "auc": auc_at(log_hazard=log_hazard, at_days=days, **follow_up),
    }
    columns = survival_columns(rows.columns)
    if horizon not in columns:
        nothing = Value.missing(f"no survival_{horizon:g}y is predicted")
        return found | {"ibs": nothing, "ibs_km": nothing}
    at_days = np.array(list(columns)) * DAYS_PER_YEAR
    everybody = null_survival(
        train_event=follow_up["train_event"],
        train_time=follow_up["train_time"],
        at_days=at_days,
        patients=len(rows),
    )
    own = rows[list(columns.values())].to_numpy(dtype=float)
    for metric, survival in (("ibs", own), ("ibs_km", everybody)):
        found[metric] = integrated_brier(
            survival=survival, at_days=at_days, until_days=days, **follow_up
        )
    return found

"""From a model's rows to what `mmsurv.metrics` resamples: patients within folds."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from experiments.reporting.curves import training_of
from experiments.reporting.predictions import survival_columns
from experiments.reporting.sources import Arm
from experiments.scores import first_repeat
from mmsurv.metrics.functional import (
    Estimate,
    Value,
    chance_band,
    fold_chance,
    ipcw,
    permutation_logrank,
)
from mmsurv.metrics.held_out import HeldOut
from mmsurv.metrics.resample import Bootstrap, bootstrap
from mmsurv.survival import DAYS_PER_YEAR


@dataclass(frozen=True)
class Effort:
    """How much is resampled.

    Attributes:
        resamples: Of the bootstrap and of the permutations.
        seed: Of both.
    """

    resamples: int
    seed: int


def resampled(
    arm: Arm, rows: pd.DataFrame, horizons: tuple[float, ...], effort: Effort
) -> Bootstrap:
    """Every metric of some rows of a model, and of resamples of their patients within folds.

    Args:
        arm: Whose training patients give the censoring.
        rows: Of the model, all of them or a subgroup.
        horizons: Years with a survival column; empty for what needs no horizon.
        effort: How much is resampled.
    """
    columns = survival_columns(rows.columns) if horizons else {}
    rows = whole_repeats(rows)
    return bootstrap(
        [
            _held_out(part, training_of(arm, part), list(columns.values()))
            for _, part in rows.groupby("fold", sort=True)
        ],
        grid_days=np.array(list(columns)) * DAYS_PER_YEAR,
        horizons={f"{h:g}y": h * DAYS_PER_YEAR for h in horizons},
        resamples=effort.resamples,
        seed=effort.seed,
    )


def predicted(arm: Arm, horizons: tuple[float, ...]) -> tuple[float, ...]:
    """The horizons at which a model predicts survival."""
    columns = survival_columns(arm.rows.columns)
    return tuple(h for h in horizons if h in columns)


def share_held_out(rows: pd.DataFrame) -> float:
    """Held-out over training patients of a fold, as the corrections over folds need it.

    0 for one fold: its model was trained elsewhere. A file of predictions is taken at its word that
    its folds are those of a cross-validation.

    Example:
        >>> share_held_out(pd.DataFrame({"patient_id": list("abcdef"), "fold": [0, 0, 1, 1, 2, 2]}))
        0.5
    """
    sizes = rows.groupby("fold").size()
    everybody = rows["patient_id"].nunique()
    return float((sizes / (everybody - sizes)).mean()) if (sizes < everybody).all() else 0.0


def chance(
    arm: Arm, rows: pd.DataFrame, *, until: float | None = None, pooled: bool = False
) -> Estimate:
    """The band of C-indices without information, and the one-sided p of the model's.

    Args:
        arm: Whose training patients give the censoring, and whose folds the widening.
        rows: Of the model, all of them or a subgroup.
        until: Truncation of Uno's C in days; None for Harrell's.
        pooled: Weighs folds by their pairs.
    """
    folds = []
    for _, part in rows.groupby("fold", sort=True):
        event, time = part["event"].to_numpy(bool), part["time_days"].to_numpy(float)
        weight = None
        if until is not None:
            known = training_of(arm, part)
            inverse = ipcw(
                train_event=known["event"].to_numpy(bool),
                train_time=known["time_days"].to_numpy(float),
                at=np.minimum(time, until),
            )
            weight = np.where(time < until, inverse**2, 0.0)
        log_hazard = part["log_hazard"].to_numpy(float)
        folds.append(fold_chance(log_hazard=log_hazard, event=event, time=time, weight=weight))
    return chance_band(folds, test_share=share_held_out(arm.rows), pooled=pooled)


def split_p(rows: pd.DataFrame, effort: Effort) -> Value:
    """Permutation p of the risk groups; each patient once."""
    return permutation_logrank(
        event=rows["event"].to_numpy(bool),
        time=rows["time_days"].to_numpy(float),
        group=(rows["risk_group"] == "high").to_numpy(),
        fold=rows["fold"].to_numpy(),
        test_share=share_held_out(rows),
        permutations=effort.resamples,
        seed=effort.seed,
    )


def whole_repeats(rows: pd.DataFrame) -> pd.DataFrame:
    """All repeats where each holds everybody out, as --only_folds may prevent; else the first.

    Example:
        >>> rows = pd.DataFrame({"patient_id": list("aba"), "repeat": [0, 0, 1]})
        >>> whole_repeats(rows)["patient_id"].tolist()
        ['a', 'b']
    """
    if "repeat" in rows and (rows["patient_id"].value_counts() < rows["repeat"].nunique()).any():
        return first_repeat(rows)
    return rows


def _held_out(rows: pd.DataFrame, known: pd.DataFrame, columns: list[str]) -> HeldOut:
    grouped = "risk_group" in rows
    return HeldOut(
        patient_id=rows["patient_id"].tolist(),
        log_hazard=rows["log_hazard"].to_numpy(float),
        event=rows["event"].to_numpy(bool),
        time=rows["time_days"].to_numpy(float),
        survival=rows[columns].to_numpy(float).clip(0, 1),
        high=(rows["risk_group"] == "high").to_numpy() if grouped else np.zeros(len(rows), bool),
        train_event=known["event"].to_numpy(bool),
        train_time=known["time_days"].to_numpy(float),
        repeat=int(rows["repeat"].iloc[0]) if "repeat" in rows else 0,
    )

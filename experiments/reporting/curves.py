"""Brier score and AUC over time, fold by fold, beside what Kaplan-Meier alone would score."""

from __future__ import annotations

import numpy as np
import pandas as pd

from experiments.reporting.predictions import survival_columns
from experiments.reporting.sources import Arm
from mmsurv.metrics.functional import auc_at, brier_curve, null_survival
from mmsurv.survival import DAYS_PER_YEAR

Array = np.ndarray
AUC_STEP_YEARS = 0.5


def score_curves(arm: Arm) -> pd.DataFrame:
    """Mean and spread over folds of the Brier score and of AUC(t), at every year predicted.

    A time counts only where every fold can be scored: a mean over changing folds would jump.

    Returns:
        Columns metric (brier, brier_reference, auc), years, mean, sd, folds, events (held-out ones
        by that time). `brier_reference` is that of the training patients' Kaplan-Meier curve.
        Empty where the file predicts no survival.
    """
    columns = survival_columns(arm.rows.columns)
    if not columns:
        return pd.DataFrame()
    years = np.array(list(columns))
    scored: dict[str, list[Array]] = {"brier": [], "brier_reference": [], "auc": []}
    for _, rows in arm.rows.groupby("fold", sort=True):
        own, reference, auc = _fold_curves(
            rows, training_of(arm, rows), years, list(columns.values())
        )
        scored["brier"].append(own)
        scored["brier_reference"].append(reference)
        scored["auc"].append(auc)
    once = arm.rows.drop_duplicates("patient_id")
    times = once.loc[once["event"].astype(bool), "time_days"].to_numpy(float)
    parts = []
    for metric, curves in scored.items():
        values = np.array(curves)
        several = len(values) > 1
        table = pd.DataFrame(
            {
                "metric": metric,
                "years": years,
                "mean": values.mean(0),
                "sd": values.std(0, ddof=1) if several else np.full(len(years), np.nan),
                "folds": len(values),
                "events": [(times <= y * DAYS_PER_YEAR).sum() for y in years],
            }
        )
        parts.append(table[table["mean"].notna()])
    return pd.concat(parts, ignore_index=True)


def training_of(arm: Arm, rows: pd.DataFrame) -> pd.DataFrame:
    """Follow-up of everybody outside a fold; of the fold itself where there is nobody else.

    It gives the censoring distribution. Predictions of one other hospital have no folds: there the
    censoring is that of the patients themselves, as in an external validation.
    """
    outside: pd.DataFrame = arm.known[~arm.known["patient_id"].isin(rows["patient_id"])]
    return outside if len(outside) else rows


def _fold_curves(
    rows: pd.DataFrame, known: pd.DataFrame, years: Array, names: list[str]
) -> tuple[Array, Array, Array]:
    follow_up = {
        "event": rows["event"].to_numpy(dtype=bool),
        "time": rows["time_days"].to_numpy(dtype=float),
        "train_event": known["event"].to_numpy(dtype=bool),
        "train_time": known["time_days"].to_numpy(dtype=float),
    }
    days = years * DAYS_PER_YEAR
    everybody = null_survival(
        train_event=follow_up["train_event"],
        train_time=follow_up["train_time"],
        at_days=days,
        patients=len(rows),
    )
    survival = rows[names].to_numpy(dtype=float)
    own = brier_curve(survival=survival, at_days=days, **follow_up)
    reference = brier_curve(survival=everybody, at_days=days, **follow_up)
    auc = np.full(len(years), np.nan)
    log_hazard = rows["log_hazard"].to_numpy(dtype=float)
    for i in np.flatnonzero(np.isclose(years % AUC_STEP_YEARS, 0)):
        auc[i] = auc_at(log_hazard=log_hazard, at_days=float(days[i]), **follow_up).value
    return own, reference, auc

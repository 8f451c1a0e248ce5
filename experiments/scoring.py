"""From trained networks to the rows of predictions.csv."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float

from data_modules.datamodule import SurvivalDataModule
from data_modules.folds import Role
from experiments.checkpoints import add_to_checkpoint
from mmsurv.survival import (
    DAYS_PER_YEAR,
    Baseline,
    fit_baseline,
    risk_cut,
    risk_group,
    survival_probability,
)
from mmsurv.task import SurvivalTask

Array = np.ndarray

GRID_STEP_YEARS = 0.25


def survival_years(horizons: tuple[float, ...]) -> list[float]:
    """Years at which survival is predicted: every quarter up to the last horizon, and the horizons.

    Example:
        >>> survival_years((0.6, 1.0))
        [0.25, 0.5, 0.6, 0.75, 1.0]
    """
    quarters = np.arange(1, int(max(horizons) / GRID_STEP_YEARS) + 1) * GRID_STEP_YEARS
    return sorted({*quarters.tolist(), *(float(h) for h in horizons)})


def survival_column(years: float) -> str:
    """Name of a survival column.

    Example:
        >>> survival_column(5.0), survival_column(0.25)
        ('survival_5y', 'survival_0.25y')
    """
    return f"survival_{years:g}y"


def log_hazards(task: SurvivalTask, data: SurvivalDataModule, role: Role) -> Float[Array, " n"]:
    """Log hazards of a role in the order of `data.role_table(role)`, in evaluation mode."""
    device = next(task.parameters()).device
    task.eval()
    with torch.no_grad():
        parts = [
            task(data.transfer_batch_to_device(batch, device, 0)).cpu()
            for batch in data.role_dataloader(role)
        ]
    values: Array = torch.cat(parts).double().numpy()
    return values


def score_fold(
    members: list[tuple[SurvivalTask, Path]],
    data: SurvivalDataModule,
    *,
    fold: int,
    horizons: tuple[float, ...],
    fitted_in: Path,
) -> pd.DataFrame:
    """Predicts the held-out patients of one fold.

    Members are averaged on the standardised scale of the training patients and brought back to the
    mean spread of the members, so that one member alone is unchanged. Baseline hazard and risk cut
    come from the training patients and are added to the checkpoint `fitted_in`.

    Returns:
        One row a held-out patient, columns as design: patient_id, fold, time_days, event,
        log_hazard, survival at each year, risk_group.
    """
    training = [log_hazards(task, data, "train") for task, _ in members]
    train = average_members(training, training)
    test = average_members([log_hazards(task, data, "test") for task, _ in members], training)
    rows, fitted = prediction_rows(
        training=train,
        known=data.role_table("train"),
        log_hazard=test,
        held_out=data.role_table("test"),
        fold=fold,
        horizons=horizons,
    )
    add_to_checkpoint(
        fitted_in,
        baseline=fitted.baseline.to_state(),
        risk_cut=fitted.cut,
        transforms=data.transforms_state(),
        training_log_hazard=torch.from_numpy(train),
    )
    return rows


class Fitted(NamedTuple):
    """What turns log hazards into survival and groups; fitted on training patients."""

    baseline: Baseline
    cut: float


def prediction_rows(
    *,
    training: Float[Array, " n"],
    known: pd.DataFrame,
    log_hazard: Float[Array, " m"],
    held_out: pd.DataFrame,
    fold: int,
    horizons: tuple[float, ...],
) -> tuple[pd.DataFrame, Fitted]:
    """The rows of predictions.csv of one fold.

    Args:
        training: Log hazards of the training patients.
        known: time_days and event of the training patients.
        log_hazard: Of the held-out patients.
        held_out: time_days and event of the held-out patients, by patient_id.
        fold: Which.
        horizons: Years.
    """
    baseline = fit_baseline(
        log_hazard=training,
        event=known["event"].to_numpy(dtype=bool),
        time=known["time_days"].to_numpy(dtype=float),
    )
    cut = risk_cut(training)
    years = survival_years(horizons)
    survival = survival_probability(
        baseline, log_hazard=log_hazard, at_days=np.array(years) * DAYS_PER_YEAR
    )
    columns = {
        "patient_id": held_out.index.to_numpy(),
        "fold": fold,
        "time_days": held_out["time_days"].to_numpy(dtype=float),
        "event": held_out["event"].to_numpy(dtype=bool).astype(int),
        "log_hazard": log_hazard,
        **{survival_column(y): survival[:, i] for i, y in enumerate(years)},
        "risk_group": np.where(risk_group(log_hazard, cut), "high", "low"),
    }
    return pd.DataFrame(columns), Fitted(baseline, cut)


def average_members(
    predictions: list[Float[Array, " n"]], training: list[Float[Array, " m"]]
) -> Float[Array, " n"]:
    """Mean of standardised log hazards, brought back to the mean spread; one alone is unchanged.

    Args:
        predictions: By member, of the patients who are asked about.
        training: By member, of the training patients: mean and spread come from them alone.

    Example:
        >>> training = [np.array([0.0, 2.0]), np.array([10.0, 16.0])]
        >>> average_members([np.array([1.0]), np.array([16.0])], training).tolist()
        [1.0]
    """
    if len(predictions) == 1:
        return predictions[0]
    spread = [max(float(t.std()), 1e-12) for t in training]
    standard = [(p - t.mean()) / s for p, t, s in zip(predictions, training, spread, strict=True)]
    averaged: Array = np.mean(standard, axis=0) * float(np.mean(spread))
    return averaged

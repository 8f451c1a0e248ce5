"""What a classical model sees: one row a patient, from everybody outside the fold."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float

from data_modules.cohort import Cohort
from data_modules.datamodule import SurvivalDataModule
from data_modules.folds import Folds, Role
from data_modules.transforms import moments

Array = np.ndarray


class FoldInputs(NamedTuple):
    """Columns of one fold by modality.

    Attributes:
        training: Of everybody outside the fold, by modality.
        held_out: Of the held-out patients, by modality.
        known: time_days and event of everybody outside the fold.
        scored: time_days and event of the held-out patients.
    """

    training: Mapping[str, Float[Array, "n p"]]
    held_out: Mapping[str, Float[Array, "m p"]]
    known: pd.DataFrame
    scored: pd.DataFrame


def pool_image(cohort: Cohort) -> pd.DataFrame:
    """Mean patch of every patient, NaN for those without; no column without an image.

    It does not depend on the fold, and reading all bags takes long: once a run is enough.
    """
    index = cohort.table.index
    if cohort.features is None:
        return pd.DataFrame(index=index)
    pooled = np.full((len(index), cohort.features.width), np.nan)
    having = cohort.features.patients()
    for row, patient in enumerate(index):
        if patient in having:
            features = cohort.features.read(patient).features.cpu()
            pooled[row] = features.double().mean(0).numpy()
    return pd.DataFrame(pooled, index=index)


def outside(folds: Folds) -> Folds:
    """The same folds with everybody outside as training patients, whatever the protocol."""
    table = folds.table.copy()
    roles = [f"role{k}" for k in range(folds.n_folds)]
    table[roles] = table[roles].replace("val", "train")
    return Folds(table, "paper")


def fold_inputs(cohort: Cohort, folds: Folds, fold: int, pooled: pd.DataFrame) -> FoldInputs:
    """Transforms fitted on everybody outside the fold; what a patient lacks is the mean, 0.

    Args:
        cohort: All patients.
        folds: Of the run.
        fold: Which.
        pooled: From `pool_image`.
    """
    data = SurvivalDataModule(cohort, outside(folds), fold=fold)
    data.setup()
    image = _standardised_image(cohort, data, pooled)
    sides: dict[Role, dict[str, Array]] = {}
    for role in ("train", "test"):
        dataset = data.role_dataset(role)
        every = {
            "clinical": dataset.covariates,
            "genes": dataset.expression,
            "image": image.loc[dataset.patients].to_numpy(),
        }
        sides[role] = {
            name: np.asarray(values, dtype=np.float64)
            for name, values in every.items()
            if name in cohort.modalities
        }
    return FoldInputs(
        sides["train"], sides["test"], data.role_table("train"), data.role_table("test")
    )


def _standardised_image(
    cohort: Cohort, data: SurvivalDataModule, pooled: pd.DataFrame
) -> pd.DataFrame:
    transforms = data.transforms
    assert transforms is not None
    if cohort.features is None:
        return pooled
    if cohort.features.standardise:
        scaled = transforms.features(torch.tensor(pooled.to_numpy())).numpy()
    else:
        training = pooled.loc[data.role_table("train").index].to_numpy()
        mean, scale = (part.numpy() for part in moments(training))
        scaled = (pooled.to_numpy() - mean) / scale
    return pd.DataFrame(np.nan_to_num(scaled), index=pooled.index)

"""What is fitted on training patients before the model: imputation, standardisation, coding."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from data_modules.cohort import Cohort
from data_modules.manifest import Covariate


class Column(NamedTuple):
    """How one transformed covariate is made.

    Attributes:
        covariate: Name in the manifest.
        level: Level of a categorical covariate, for which the column is 1; empty otherwise.
        missing: Whether the column is 1 where the covariate is missing.
        fill: Replaces a missing value: the training median, or the share of the level.
        mean: Of the training patients, after filling.
        scale: Standard deviation of the training patients; infinite where it is 0, so that a column
            of which training shows nothing is 0 for everybody.
    """

    covariate: str
    level: str
    missing: bool
    fill: float
    mean: float
    scale: float

    @property
    def name(self) -> str:
        """Name of the transformed column."""
        if self.missing:
            return f"{self.covariate} missing"
        return f"{self.covariate}={self.level}" if self.level else self.covariate


class Transforms(NamedTuple):
    """Everything fitted; primitives and tensors only, so that it travels in a checkpoint.

    Attributes:
        columns: Of the clinical variables.
        gene_mean: By gene, of the measured training values.
        gene_scale: By gene; infinite where it is 0.
        feature_mean: By feature, for slide-level measurements; empty for embeddings.
        feature_scale: Likewise.
        fitted_on: Hash of the training patients.
    """

    columns: tuple[Column, ...]
    gene_mean: Float[Tensor, " G"]
    gene_scale: Float[Tensor, " G"]
    feature_mean: Float[Tensor, " d"]
    feature_scale: Float[Tensor, " d"]
    fitted_on: str

    def covariates(self, cohort: Cohort, patients: Sequence[str]) -> Float[Tensor, "n C"]:
        """Filled and standardised clinical variables."""
        table = cohort.table.loc[list(patients)]
        values = [
            (_raw(table, cohort.covariates[c.covariate], c).fillna(c.fill) - c.mean) / c.scale
            for c in self.columns
        ]
        stacked = np.stack(values, axis=1) if values else np.zeros((len(table), 0))
        return torch.from_numpy(stacked).float()

    def expression(
        self, cohort: Cohort, patients: Sequence[str]
    ) -> tuple[Float[Tensor, "n G"], Bool[Tensor, "n G"]]:
        """Standardised expression, 0 where not measured, and the mask (True = measured)."""
        if cohort.expression is None:
            return torch.zeros(len(patients), 0), torch.zeros(len(patients), 0, dtype=torch.bool)
        raw = torch.from_numpy(cohort.expression.reindex(list(patients)).to_numpy(float, copy=True))
        measured = torch.isfinite(raw)
        scaled = (raw.nan_to_num(0.0) - self.gene_mean) / self.gene_scale
        return scaled.where(measured, 0.0).float(), measured

    def features(self, features: Float[Tensor, "N d"]) -> Float[Tensor, "N d"]:
        """Standardised slide-level measurements; embeddings as they are."""
        if len(self.feature_mean) == 0:
            return features
        scaled = (features - self.feature_mean) / self.feature_scale
        # Counts and areas have long tails; one giant slide must not shout over all others.
        return scaled.clamp(-FARTHEST, FARTHEST)

    def to_state(self) -> dict[str, object]:
        """Primitives and tensors."""
        state = self._asdict()
        state["columns"] = [list(column) for column in self.columns]
        return state


FARTHEST = 5.0
# From so many missing training values on, being missing is a column of its own. Where it is rarer,
# the column would set a handful of patients many standard deviations apart from all others.
OFTEN_MISSING_SHARE = 0.05
OFTEN_MISSING = 10
# A standard deviation below this share of the mean is rounding: the column is constant.
SMALLEST = 1e-9


def fit_transforms(cohort: Cohort, training: Sequence[str], held_out: Sequence[str]) -> Transforms:
    """Fits on the training patients of one fold.

    Args:
        cohort: All patients.
        training: Those to look at.
        held_out: Those that must not be among them.

    Raises:
        ValueError: A held-out patient is among the training patients.
    """
    leaked = sorted(set(training) & set(held_out))
    if leaked:
        raise ValueError(f"transforms see training patients only, but {leaked[:5]} are held out")
    gene_mean, gene_scale = torch.zeros(0), torch.zeros(0)
    if cohort.expression is not None:
        known = [p for p in training if p in cohort.expression.index]
        gene_mean, gene_scale = moments(cohort.expression.loc[known].to_numpy(float))
    feature_mean, feature_scale = torch.zeros(0), torch.zeros(0)
    if cohort.features is not None and cohort.features.standardise:
        having = cohort.features.patients()
        rows = [cohort.features.read(p).features for p in training if p in having]
        empty = torch.zeros(0, cohort.features.width)
        feature_mean, feature_scale = moments(torch.cat([empty, *rows]).double().numpy())
    return Transforms(
        columns=_fit_columns(cohort, training),
        gene_mean=gene_mean,
        gene_scale=gene_scale,
        feature_mean=feature_mean.float(),
        feature_scale=feature_scale.float(),
        fitted_on=hashlib.sha256("\n".join(sorted(training)).encode()).hexdigest(),
    )


def moments(values: np.ndarray) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation by column, over finite values; infinite for a constant column."""
    finite = np.isfinite(values)
    count = np.maximum(finite.sum(0), 1)
    mean = np.where(finite, values, 0.0).sum(0) / count
    variance = np.where(finite, (values - mean) ** 2, 0.0).sum(0) / count
    scale = np.sqrt(variance)
    return torch.from_numpy(mean), torch.from_numpy(
        np.where(scale > SMALLEST * np.abs(mean), scale, np.inf)
    )


def _fit_columns(cohort: Cohort, training: Sequence[str]) -> tuple[Column, ...]:
    table = cohort.table.loc[list(training)]
    columns = []
    told = table[list(cohort.covariates)].notna().any(axis=1)
    for name, covariate in cohort.covariates.items():
        # The first level of a categorical variable is what the others are compared with.
        levels = covariate.levels[1:] if covariate.kind == "categorical" else ("",)
        columns += [_fit_column(table, covariate, name, level) for level in levels]
        # Patients of whom no variable is known lack the modality, and are masked.
        missing = int(table.loc[told, name].isna().sum())
        often = max(OFTEN_MISSING, OFTEN_MISSING_SHARE * told.sum()) <= missing < told.sum()
        if often and covariate.missing == "indicator":
            columns.append(_fit_column(table[told], covariate, name, "", missing=True))
    return tuple(columns)


def _fit_column(
    table: pd.DataFrame, covariate: Covariate, name: str, level: str, *, missing: bool = False
) -> Column:
    raw = _raw(table, covariate, Column(name, level, missing, 0.0, 0.0, 1.0))
    fill = float(raw.mean() if level else raw.median()) if raw.notna().any() else 0.0
    filled = raw.fillna(fill)
    mean, scale = float(filled.mean()), float(filled.std(ddof=0))
    constant = not scale > SMALLEST * abs(mean)
    return Column(name, level, missing, fill, mean, math.inf if constant else scale)


def _raw(table: pd.DataFrame, covariate: Covariate, column: Column) -> pd.Series:
    """The untransformed numbers of a column; missing is NaN."""
    values = table[column.covariate]
    if column.missing:
        return values.isna().astype(float)
    if column.level:
        return (values == column.level).astype(float).where(values.notna())
    numbers = values.astype(float)
    return numbers.map(math.log1p) if covariate.log else numbers

from __future__ import annotations

import sys
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from data_modules.folds import make_folds
from experiments.baselines import fold, forest
from experiments.baselines.fold import read_fold_baselines, run_fold_baselines
from experiments.baselines.inputs import fold_inputs, pool_image
from experiments.baselines.model import NotFittedError, Predicted, Sample
from experiments.baselines.names import baselines_for
from experiments.baselines.ridge import fit


@pytest.fixture
def run_fold(cohort, tmp_path, monkeypatch) -> Callable[[], tuple[pd.DataFrame, dict]]:
    """Runs fold 0 of genes and clinical and reads what it left."""
    monkeypatch.setattr(forest, "TREES", 20)
    folds = make_folds(cohort, n_folds=2, protocol="nested", seed=0)

    def call() -> tuple[pd.DataFrame, dict]:
        pooled = pool_image(cohort)
        run_fold_baselines(cohort, folds, 0, pooled, tmp_path / "f", horizons=(5.0,), seed=3)
        return read_fold_baselines(tmp_path / "f")

    return call


def test_every_held_out_patient_is_predicted_by_every_model(run_fold, cohort) -> None:
    rows, told = run_fold()
    folds = make_folds(cohort, n_folds=2, protocol="nested", seed=0)
    names = [b.name for b in baselines_for(cohort.modalities)]
    assert list(told) == list(dict.fromkeys(rows["baseline"])) == names
    assert all(entry["reason"] == "" for entry in told.values())
    for _, part in rows.groupby("baseline"):
        assert part["patient_id"].tolist() == folds.patients(0, "test")
        assert np.isfinite(part["log_hazard"]).all()
        assert part["survival_5y"].between(0, 1).all()
    assert told["ridge_genes"]["choice"]["penalty"] > 0


def test_the_rows_are_those_of_the_model_on_everybody_outside(run_fold, cohort) -> None:
    rows, _ = run_fold()
    folds = make_folds(cohort, n_folds=2, protocol="nested", seed=0)
    inputs = fold_inputs(cohort, folds, 0, pool_image(cohort))
    sample = Sample(
        inputs.training["genes"],
        inputs.known["event"].to_numpy(bool),
        inputs.known["time_days"].to_numpy(float),
        3 * 1_000_003,
    )
    expected = fit(sample, inputs.held_out["genes"]).held_out
    own = rows.loc[rows["baseline"] == "ridge_genes", "log_hazard"]
    assert own.to_numpy() == pytest.approx(expected, abs=1e-9)
    high = rows.loc[rows["baseline"] == "ridge_genes", "risk_group"] == "high"
    cut = np.median(fit(sample, inputs.held_out["genes"]).training)
    assert (high.to_numpy() == (expected > cut)).all()


def test_a_model_without_an_answer_is_nan_with_its_reason(run_fold, monkeypatch) -> None:
    def fails(sample: Sample, held_out: object) -> Predicted:
        raise NotFittedError("no maximum")

    def infinite(sample: Sample, held_out: np.ndarray) -> Predicted:
        return Predicted(sample.time, np.full(len(held_out), np.inf), {})

    monkeypatch.setattr(fold, "MODELS", {**fold.MODELS, "cox": fails, "ridge": infinite})
    rows, told = run_fold()
    assert told["cox_clinical"]["reason"] == "no maximum"
    assert told["ridge_all"]["reason"] == "a log hazard is not finite"
    assert told["ridge_late_fusion"]["reason"].startswith("clinical alone: ")
    missing = rows[rows["baseline"].isin(["cox_clinical", "ridge_late_fusion"])]
    assert missing["log_hazard"].isna().all()
    assert missing["survival_5y"].isna().all()
    assert missing["risk_group"].isna().all()
    assert missing["time_days"].notna().all()
    assert rows.loc[rows["baseline"] == "forest_all", "log_hazard"].notna().all()


def test_a_library_that_is_not_there_is_a_reason(run_fold, monkeypatch) -> None:
    for name in ("sksurv.ensemble", "sksurv.linear_model", "sksurv.util"):
        monkeypatch.setitem(sys.modules, name, None)
    _, told = run_fold()
    assert "mmsurv[classical]" in told["forest_genes"]["reason"]
    assert told["ridge_genes"]["reason"] == told["cox_clinical"]["reason"] == ""

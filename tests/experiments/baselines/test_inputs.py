from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from data_modules.cohort import Cohort, load_cohort
from data_modules.folds import Folds, make_folds
from data_modules.manifest import load_manifest
from experiments.baselines.inputs import fold_inputs, outside, pool_image


@pytest.fixture(scope="module")
def whole(toy_manifest) -> Cohort:
    return load_cohort(load_manifest(toy_manifest))


@pytest.fixture(scope="module")
def folds(whole) -> Folds:
    return make_folds(whole, n_folds=2, protocol="nested", seed=0)


def test_everybody_outside_the_fold_is_seen_under_both_protocols(whole, folds) -> None:
    paper = make_folds(whole, n_folds=2, protocol="paper", seed=0)
    for fold in (0, 1):
        views = [outside(each) for each in (folds, paper)]
        assert views[0].patients(fold, "train") == views[1].patients(fold, "train")
        everybody = {*views[0].patients(fold, "train"), *folds.patients(fold, "test")}
        assert everybody == set(whole.table.index)
        assert views[0].patients(fold, "test") == folds.patients(fold, "test")


def test_the_image_is_the_mean_patch_and_nothing_where_there_is_none(whole) -> None:
    pooled = pool_image(whole)
    assert whole.features is not None
    having = whole.features.patients()
    for patient, row in pooled.iterrows():
        if patient in having:
            mean = whole.features.read(str(patient)).features.double().mean(0).numpy()
            assert row.to_numpy() == pytest.approx(mean)
        else:
            assert row.isna().all()
    assert 0 < pooled.isna().any(axis=1).sum() < len(pooled)
    assert pool_image(replace(whole, features=None)).shape == (len(pooled), 0)


def test_columns_are_standardised_on_the_training_patients(whole, folds) -> None:
    inputs = fold_inputs(whole, folds, 0, pool_image(whole))
    assert set(inputs.training) == {"image", "genes", "clinical"}
    for name, x in inputs.training.items():
        assert len(x) == len(inputs.known)
        assert np.isfinite(x).all()
        there = x[(x != 0).any(axis=1)]
        assert there.mean(0) == pytest.approx(0, abs=1e-5), name
        assert there.std(0) == pytest.approx(1, abs=1e-5), name
        assert len(inputs.held_out[name]) == len(inputs.scored)


def test_editing_held_out_patients_moves_nothing_in_training(whole, folds) -> None:
    pooled = pool_image(whole)
    before = fold_inputs(whole, folds, 1, pooled)
    held_out = folds.patients(1, "test")
    table, expression, edited = whole.table.copy(), whole.expression.copy(), pooled.copy()
    table.loc[held_out, "age"] += 50
    expression.loc[expression.index.intersection(held_out)] *= 3
    edited.loc[held_out] += 9
    after = fold_inputs(replace(whole, table=table, expression=expression), folds, 1, edited)
    for name in before.training:
        assert (after.training[name] == before.training[name]).all()
        assert (after.held_out[name] != before.held_out[name]).any()


def test_only_what_the_run_sees_is_there(cohort) -> None:
    folds = make_folds(cohort, n_folds=2, protocol="paper", seed=0)
    inputs = fold_inputs(cohort, folds, 0, pool_image(cohort))
    assert set(inputs.held_out) == {"genes", "clinical"}
    assert isinstance(inputs.scored, pd.DataFrame)


def test_slide_level_measurements_are_clamped_as_for_the_network(whole, folds, monkeypatch) -> None:
    assert whole.features is not None
    monkeypatch.setattr(whole.features, "standardise", True)
    pooled = pool_image(whole)
    pooled.iloc[:, 0] *= 1e6
    inputs = fold_inputs(whole, folds, 0, pooled)
    assert np.abs(inputs.training["image"]).max() == 5.0

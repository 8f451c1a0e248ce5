from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

from data_modules import transforms
from data_modules.transforms import FARTHEST, fit_transforms

TRAIN = [f"P{i:02d}" for i in range(12)]
HELD_OUT = [f"P{i:02d}" for i in range(12, 20)]


def test_training_columns_are_standard_and_missing_becomes_the_training_median(load) -> None:
    cohort = load()
    fitted = fit_transforms(cohort, TRAIN, HELD_OUT)
    values = fitted.covariates(cohort, TRAIN)
    assert [column.name for column in fitted.columns] == ["age", "grade", "side=right"]
    torch.testing.assert_close(values.mean(0), torch.zeros(3), atol=1e-6, rtol=0)
    torch.testing.assert_close(values.std(0, correction=0), torch.ones(3))
    age = cohort.table.loc[TRAIN, "age"]
    filled = age.fillna(age.median())
    expected = (age.median() - filled.mean()) / filled.std(ddof=0)
    assert values[3, 0].item() == pytest.approx(expected, abs=1e-6)


def test_genes_are_standard_on_training_and_masked_where_missing(load) -> None:
    cohort = load()
    expression = cohort.expression.copy()
    expression.iloc[2, 1] = np.nan
    cohort = dataclasses.replace(cohort, expression=expression.drop("P04"))
    fitted = fit_transforms(cohort, TRAIN, HELD_OUT)
    values, measured = fitted.expression(cohort, TRAIN)
    assert measured[2].tolist() == [True, False, True]
    assert not measured[4].any()
    assert values[2, 1] == 0
    known = values[:, 0][measured[:, 0]]
    assert known.mean().item() == pytest.approx(0, abs=1e-6)
    assert known.std(correction=0).item() == pytest.approx(1, abs=1e-5)


def test_editing_held_out_rows_changes_nothing_fitted(load) -> None:
    cohort = load(encoder="hif")
    before = fit_transforms(cohort, TRAIN, HELD_OUT)
    table, expression = cohort.table.copy(), cohort.expression.copy()
    table.loc[HELD_OUT, ["time_days", "age", "grade"]] = [1.0, 999.0, 3.0]
    table.loc[HELD_OUT, "side"] = "left"
    expression.loc[HELD_OUT] = 25.0
    for patient in HELD_OUT:
        cohort.features.rows[patient] = cohort.features.rows[patient] + 1e9
    changed = dataclasses.replace(cohort, table=table, expression=expression)
    after = fit_transforms(changed, TRAIN, HELD_OUT)
    assert after.columns == before.columns
    assert after.fitted_on == before.fitted_on
    for name in ("gene_mean", "gene_scale", "feature_mean", "feature_scale"):
        assert torch.equal(getattr(after, name), getattr(before, name)), name


def test_held_out_patients_are_refused_at_run_time(load) -> None:
    with pytest.raises(ValueError, match="training patients only, but \\['P12'\\] are held out"):
        fit_transforms(load(), [*TRAIN, "P12"], HELD_OUT)


def test_slide_level_measurements_are_standardised_and_held_within_reach(load) -> None:
    cohort = load(encoder="hif")
    fitted = fit_transforms(cohort, TRAIN, HELD_OUT)
    rows = torch.cat([fitted.features(cohort.features.read(p).features) for p in TRAIN])
    torch.testing.assert_close(rows.mean(0), torch.zeros(2), atol=1e-5, rtol=0)
    assert fitted.features(torch.tensor([[1e12, -1e12]])).tolist() == [[FARTHEST, -FARTHEST]]


def test_embeddings_are_left_as_they_are(load) -> None:
    cohort = load()
    fitted = fit_transforms(cohort, TRAIN, HELD_OUT)
    features = cohort.features.read("P00").features
    assert fitted.features(features) is features


def test_a_constant_covariate_becomes_zero_not_nan(load) -> None:
    cohort = load()
    table = cohort.table.assign(age=50.0, grade=np.nan)
    cohort = dataclasses.replace(cohort, table=table)
    values = fit_transforms(cohort, TRAIN, HELD_OUT).covariates(cohort, [*TRAIN, *HELD_OUT])
    assert torch.equal(values[:, :2], torch.zeros(20, 2))


def test_a_long_tailed_covariate_may_be_taken_on_a_log_scale(load) -> None:
    cohort = load(covariates={"age": {"column": "age", "kind": "numeric", "log": True}})
    column = fit_transforms(cohort, TRAIN, HELD_OUT).columns[0]
    ages = cohort.table.loc[TRAIN, "age"]
    assert column.fill == pytest.approx(np.log1p(ages).median())


def test_the_state_travels_in_a_checkpoint_that_is_not_unpickled(load, tmp_path) -> None:
    fitted = fit_transforms(load(), TRAIN, HELD_OUT)
    torch.save(fitted.to_state(), tmp_path / "state.pt")
    state = torch.load(tmp_path / "state.pt", weights_only=True)
    assert state["columns"][0] == list(fitted.columns[0])
    assert torch.equal(state["gene_mean"], fitted.gene_mean)


def test_what_training_does_not_show_is_zero_for_everybody(load) -> None:
    cohort = load()
    table, expression = cohort.table.copy(), cohort.expression.copy()
    table.loc[TRAIN, "age"] = np.nan
    table.loc[TRAIN, "grade"] = 2.0
    expression.loc[TRAIN, "PGR"] = np.nan
    expression.loc[TRAIN, "ESR1"] = 7.3
    cohort = dataclasses.replace(cohort, table=table, expression=expression)
    fitted = fit_transforms(cohort, TRAIN, HELD_OUT)
    assert torch.equal(fitted.covariates(cohort, HELD_OUT)[:, :2], torch.zeros(8, 2))
    values, measured = fitted.expression(cohort, HELD_OUT)
    assert torch.equal(values[:, :2], torch.zeros(8, 2))
    assert measured.all()
    assert values[:, 2].abs().max() > 0.1


def test_images_of_held_out_patients_alone_tell_nothing(load, folder) -> None:
    lines = (folder / "hif.csv").read_text().splitlines()
    (folder / "hif.csv").write_text("\n".join([lines[0], *lines[13:]]))
    cohort = load(encoder="hif")
    fitted = fit_transforms(cohort, TRAIN, HELD_OUT)
    assert fitted.features(cohort.features.read("P15").features).tolist() == [[0.0, 0.0]]


def test_a_missing_level_becomes_the_share_of_the_level(load, edit) -> None:
    edit("clinical.csv", "41,2,left", "41,2,")
    cohort = load()
    fitted = fit_transforms(cohort, TRAIN, HELD_OUT)
    column = fitted.columns[2]
    right = (cohort.table.loc[TRAIN, "side"] == "right").sum()
    assert column.fill == pytest.approx(right / 11)
    assert fitted.covariates(cohort, ["P01"])[0, 2].item() == pytest.approx(0, abs=1e-6)


def _with_missing(cohort, name: str, patients: list[str]):  # noqa: ANN202
    table = cohort.table.copy()
    table.loc[patients, name] = None if name == "side" else np.nan
    return dataclasses.replace(cohort, table=table)


@pytest.mark.parametrize("name", ["age", "side"])
def test_what_is_often_missing_in_training_has_an_indicator(load, monkeypatch, name) -> None:
    monkeypatch.setattr(transforms, "OFTEN_MISSING", 3)
    absent = ["P00", "P01", "P03", "P14"]
    cohort = _with_missing(load(), name, absent)
    fitted = fit_transforms(cohort, TRAIN, HELD_OUT)
    names = [column.name for column in fitted.columns]
    assert [n for n in names if "missing" in n] == [f"{name} missing"]
    column = names.index(f"{name} missing")
    values = fitted.covariates(cohort, [*TRAIN, *HELD_OUT])[:, column]
    assert values[: len(TRAIN)].mean().item() == pytest.approx(0, abs=1e-6)
    low, high = values.unique().tolist()
    marked = {p for p, v in zip([*TRAIN, *HELD_OUT], values, strict=True) if v == high}
    assert marked == set(absent)
    assert low < high


def test_missing_on_held_out_patients_alone_has_none(load, monkeypatch) -> None:
    monkeypatch.setattr(transforms, "OFTEN_MISSING", 1)
    cohort = _with_missing(load(), "grade", HELD_OUT)
    fitted = fit_transforms(cohort, TRAIN, HELD_OUT)
    assert "grade missing" not in [column.name for column in fitted.columns]


def test_who_lacks_all_variables_makes_none_of_them_often_missing(load, monkeypatch) -> None:
    monkeypatch.setattr(transforms, "OFTEN_MISSING", 2)
    cohort = load()
    for name in cohort.covariates:
        cohort = _with_missing(cohort, name, ["P00", "P01", "P03"])
    fitted = fit_transforms(cohort, TRAIN, HELD_OUT)
    assert [column.name for column in fitted.columns] == ["age", "grade", "side=right"]


def test_a_variable_may_be_filled_without_an_indicator(load, monkeypatch) -> None:
    monkeypatch.setattr(transforms, "OFTEN_MISSING", 1)
    age = {"column": "age", "kind": "numeric", "missing": "fill"}
    cohort = _with_missing(load(covariates={"age": age}), "age", ["P00", "P01"])
    fitted = fit_transforms(cohort, TRAIN, HELD_OUT)
    assert [column.name for column in fitted.columns] == ["age"]

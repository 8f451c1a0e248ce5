from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from experiments.reporting.folds import fold_table
from experiments.reporting.measures import metric_table, pairs_within_folds
from experiments.reporting.schema import SCHEMA
from experiments.reporting.uncertainty import Effort, predicted, resampled

EFFORT = Effort(200, 0)
HORIZONS = (5.0,)


def measured(arm, horizons=HORIZONS) -> pd.DataFrame:
    draws = None
    if arm.answered:
        draws = resampled(arm, arm.rows, predicted(arm, horizons), EFFORT)
    return metric_table(arm, fold_table(arm, horizons), draws, horizons, EFFORT)


@pytest.fixture
def table(predictions, arm_of) -> pd.DataFrame:
    return measured(arm_of(predictions)).set_index("metric")


def test_the_table_is_the_one_of_the_schema(table) -> None:
    assert set(table.reset_index()) == set(SCHEMA["metrics"].columns)
    named = SCHEMA["metrics"].columns["metric"]
    assert all(metric in named for metric in table.index)


def test_every_number_stands_beside_its_protocol_events_and_pairs(table, predictions) -> None:
    assert set(table["protocol"]) == {"nested"}
    assert set(table["events"]) == {predictions["event"].sum()}
    assert set(table["comparable_pairs"]) == {pairs_within_folds(predictions)}
    known = table[table["value"].notna()]
    assert (known["lower"] <= known["value"]).all()
    assert (known["value"] <= known["upper"]).all()
    assert table["reason"].eq("").all()


def test_the_c_index_is_the_mean_of_the_folds(table, predictions, arm_of) -> None:
    folds = fold_table(arm_of(predictions), HORIZONS)
    row = table.loc["c_index"]
    assert row["value"] == pytest.approx(folds["c_index"].mean())
    assert row["sd_folds"] == pytest.approx(folds["c_index"].std())
    assert row["corrected_lower"] < row["value"] < row["corrected_upper"]
    assert row["null_lower"] < 0.5 < row["null_upper"] < row["value"]
    assert row["p"] < 0.05
    assert table.loc["c_uno", "value"] == pytest.approx(folds["c_uno_5y"].mean())


@pytest.mark.parametrize("metric", ["c_index", "c_index_pooled", "c_uno"])
def test_every_c_index_has_its_band_of_chance(table, metric) -> None:
    row = table.loc[metric]
    assert 0.3 < row["null_lower"] < 0.5 < row["null_upper"] < row["value"]
    assert row["p"] < 0.01
    assert table.drop(["c_index", "c_index_pooled", "c_uno"])["null_lower"].isna().all()


def test_the_groups_are_told_apart_by_every_test(table) -> None:
    assert table.loc["hazard_ratio", "lower"] > 1
    assert 0 < table.loc["rmst_difference", "value"] < 5  # years of five
    assert table.loc["logrank", "p"] < 0.001
    assert table.loc["permutation", "p"] < 0.05


def test_what_a_file_lacks_is_missing_with_its_reason(predictions, arm_of) -> None:
    table = measured(arm_of(predictions.iloc[:, :5])).set_index("metric")
    assert table.loc["ibs", "reason"] == "no survival_5y is predicted"
    assert table.loc["hazard_ratio", "reason"] == "the file has no risk_group"
    assert table.loc["d_calibration", "reason"] == "no survival is predicted"
    assert np.isfinite(table.loc["auc", "value"])
    assert np.isfinite(table.loc["c_index", "lower"])


def test_a_horizon_beyond_follow_up_says_so(predictions, arm_of) -> None:
    short = predictions.assign(time_days=predictions["time_days"].clip(upper=1500))
    table = measured(arm_of(short)).set_index("metric")
    assert np.isnan(table.loc["auc", "value"])
    assert table.loc["auc", "reason"]


def test_a_model_without_an_answer_has_no_number(predictions, arm_of) -> None:
    arm = arm_of(predictions[predictions["fold"] != 1])
    table = measured(replace(arm, unanswered={1: "did not converge"}))
    assert table["metric"].tolist() == ["c_index"]
    assert np.isnan(table["value"][0])
    assert table["reason"][0] == "fold 1: did not converge"


def test_a_fold_without_pairs_has_no_mean_but_a_pool(predictions, arm_of) -> None:
    silent = predictions.assign(event=predictions["event"] & (predictions["fold"] != 1))
    table = measured(arm_of(silent)).set_index("metric")
    assert table.loc["c_index", "reason"] == "no comparable pair in fold 1"
    assert table.loc["c_index_pooled", "value"] > 0.5

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from experiments.fold_scores import fold_scores
from experiments.reporting.folds import fold_table


def test_a_fold_has_the_numbers_of_the_run(predictions, arm_of) -> None:
    arm = arm_of(predictions)
    table = fold_table(arm, (5.0,))
    for fold, rows in predictions.groupby("fold"):
        known = arm.known[~arm.known["patient_id"].isin(rows["patient_id"])]
        scores = fold_scores(rows, known, (5.0,))
        row = table.set_index("fold").loc[fold]
        for ours, theirs in (("c_index", "c_index"), ("ibs_5y", "ibs_5y"), ("auc_5y", "auc_5y")):
            assert row[ours] == pytest.approx(scores[theirs]["value"])
        assert row["comparable_pairs"] == scores["comparable_pairs"]
    assert not table["few_events"].any()


def test_under_ten_events_a_fold_is_marked(predictions, arm_of) -> None:
    few = predictions.assign(
        event=predictions["event"] & ((predictions["fold"] != 1) | (predictions.index % 5 == 0))
    )
    table = fold_table(arm_of(few), (5.0,))
    assert table["few_events"].tolist() == [False, True, False]


def test_a_number_that_is_missing_has_its_reason(predictions, arm_of) -> None:
    table = fold_table(arm_of(predictions.iloc[:, :5]), (5.0, 14.9))
    assert table["ibs_5y"].isna().all()
    assert "ibs_5y: no survival_5y is predicted" in table["reason"][0]
    assert "auc_14.9y: " in table["reason"][0]


def test_a_fold_without_an_answer_stays_in_the_table(predictions, arm_of) -> None:
    arm = arm_of(predictions[predictions["fold"] != 1])
    table = fold_table(replace(arm, unanswered={1: "did not converge"}), (5.0,))
    assert table["fold"].tolist() == [0, 1, 2]
    assert np.isnan(table["c_index"][1])
    assert table["reason"][1] == "did not converge"


def test_the_grid_of_the_brier_score_ends_before_the_follow_up_does(predictions, arm_of) -> None:
    cut = predictions["fold"] == 1
    short = predictions.assign(time_days=predictions["time_days"].mask(cut, 1000.0))
    table = fold_table(arm_of(short), (1.0,)).set_index("fold")
    # 1000 days are 2.74 years.
    assert table.loc[1, ["grid_from_years", "grid_to_years", "grid_times"]].tolist() == [
        0.25, 2.5, 10,
    ]  # fmt: skip
    assert table.loc[0, "grid_to_years"] > 5
    none = fold_table(arm_of(predictions.iloc[:, :5]), (1.0,))
    assert none["grid_to_years"].isna().all()
    assert (none["grid_times"] == 0).all()

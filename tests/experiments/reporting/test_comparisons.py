from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from experiments.reporting.comparisons import comparison_table, difference_with_interval, why_not
from experiments.reporting.folds import fold_table
from experiments.reporting.sources import Arm
from experiments.reporting.uncertainty import Effort, resampled
from mmsurv.metrics.functional import concordance, corrected_resampled


def compared(*arms: Arm) -> pd.DataFrame:
    draws = {a.name: resampled(a, a.rows, (), Effort(300, 0)) for a in arms if a.answered}
    return comparison_table(arms, {a.name: fold_table(a, ()) for a in arms}, draws)


@pytest.fixture
def truth(predictions, arm_of) -> Arm:
    return arm_of(predictions, "truth")


def test_the_truth_beats_noise_and_a_model_equals_itself(simulate, arm_of) -> None:
    predictions = simulate(200, folds=5).astype({"event": bool})
    truth = arm_of(predictions, "truth")
    random = np.random.default_rng(5).normal(size=len(predictions))
    noise = replace(
        truth, name="noise", kind="classical", rows=predictions.assign(log_hazard=random)
    )
    shuffled = replace(truth, name="same", kind="classical", rows=predictions.iloc[::-1])
    table = compared(truth, noise, shuffled).set_index("second")
    assert table.loc["noise", "corrected_lower"] > 0
    assert table.loc["noise", "bootstrap_lower"] > 0
    assert table.loc["noise", "p_holm"] == pytest.approx(min(1, 2 * table.loc["noise", "p"]))
    assert table.loc["same", "difference"] == 0
    assert table.loc["same", "p"] == 1
    assert table["protocols"].tolist() == ["nested", "nested"]
    assert table["events"].tolist() == [predictions["event"].sum()] * 2


def c_by_fold(arm: Arm) -> np.ndarray:
    return np.array([
        concordance(
            log_hazard=rows["log_hazard"].to_numpy(float), event=rows["event"].to_numpy(bool),
            time=rows["time_days"].to_numpy(float),
        ).value
        for _, rows in arm.rows.groupby("fold")
    ])  # fmt: skip


def test_the_test_is_that_of_the_differences_by_fold_and_repeat(truth, predictions) -> None:
    again = predictions.assign(repeat=1, fold=predictions["fold"] + 3)
    again["fold"] = again["fold"].to_numpy()[::-1]
    both = pd.concat([predictions.assign(repeat=0), again], ignore_index=True)
    random = np.random.default_rng(0)
    blurred = both.assign(log_hazard=both["log_hazard"] + random.normal(size=len(both)) / 2)
    first, second = replace(truth, rows=both), replace(truth, name="blurred", rows=blurred)
    (row,) = compared(first, second).to_dict("records")
    differences = c_by_fold(first) - c_by_fold(second)
    assert len(differences) == 6
    known = corrected_resampled(differences, test_share=30 / 60)
    assert (row["difference"], row["p"]) == pytest.approx((known.value, known.p))
    ends = row["corrected_lower"], row["corrected_upper"]
    assert ends == pytest.approx((known.lower, known.upper))
    assert (row["test"], row["p_holm"]) == ("corrected t", row["p"])
    # The other one stands beside it under its own name.
    assert row["bootstrap_lower"] < row["difference"] < row["bootstrap_upper"]
    assert row["bootstrap_p"] != row["p"]
    assert difference_with_interval(row)[1:3] == ends


def test_one_fold_is_tested_by_the_bootstrap_and_says_so(truth, predictions, simulate) -> None:
    one = replace(truth, rows=predictions.assign(fold=0))
    noise = simulate(len(predictions), seed=5)["log_hazard"].to_numpy()
    other = replace(one, name="noise", rows=one.rows.assign(log_hazard=noise))
    (row,) = compared(one, other).to_dict("records")
    assert row["test"] == "bootstrap"
    assert row["p"] == row["bootstrap_p"] == row["p_holm"]
    assert np.isnan(row["corrected_lower"])
    assert difference_with_interval(row)[1:3] == (row["bootstrap_lower"], row["bootstrap_upper"])


def test_a_pair_stands_once_and_classical_models_are_not_compared(truth) -> None:
    second = replace(truth, name="b", protocol="paper")
    classical = replace(truth, name="c", kind="classical")
    other = replace(truth, name="d", kind="classical")
    table = compared(truth, second, classical, other)
    pairs = list(zip(table["first"], table["second"], strict=True))
    assert pairs == [
        ("truth", "b"), ("truth", "c"), ("truth", "d"), ("b", "c"), ("b", "d"),
    ]  # fmt: skip
    assert table["protocols"][0] == "nested / paper"


def test_one_model_has_nobody_to_be_compared_with(truth) -> None:
    assert compared(truth).empty


def test_what_cannot_be_paired_says_why(truth, predictions) -> None:
    fewer = replace(truth, name="b", rows=predictions.iloc[10:])
    other_folds = replace(truth, name="c", rows=predictions.assign(fold=predictions["fold"][::-1]
                                                                  .to_numpy()))  # fmt: skip
    later = replace(truth, name="d", rows=predictions.assign(time_days=1.0))
    silent = replace(truth, name="e", unanswered={2: "no event"})
    assert why_not(truth, fewer) == "other patients: 90 and 80, 80 in both"
    assert why_not(truth, other_folds) == "other folds"
    assert why_not(truth, later) == "other times or events for the same patients"
    assert why_not(truth, silent) == "e has no answer for fold 2"
    table = compared(truth, fewer, other_folds, later, silent)
    first = table[table["first"] == "truth"]
    assert first["difference"].isna().all()
    assert first["reason"].ne("").all()

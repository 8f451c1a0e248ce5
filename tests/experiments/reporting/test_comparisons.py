from __future__ import annotations

from dataclasses import replace

import pandas as pd
import pytest

from experiments.reporting.comparisons import comparison_table, why_not
from experiments.reporting.sources import Arm
from experiments.reporting.uncertainty import Effort, resampled


def compared(*arms: Arm) -> pd.DataFrame:
    draws = {a.name: resampled(a, a.rows, (), Effort(300, 0)) for a in arms if a.answered}
    return comparison_table(arms, draws)


@pytest.fixture
def truth(predictions, arm_of) -> Arm:
    return arm_of(predictions, "truth")


def test_the_truth_beats_noise_and_a_model_equals_itself(truth, predictions, simulate) -> None:
    noise = replace(truth, name="noise", kind="classical")
    other = simulate(len(predictions), seed=5)["log_hazard"].to_numpy()
    noise = replace(noise, rows=predictions.assign(log_hazard=other))
    shuffled = replace(truth, name="same", kind="classical", rows=predictions.iloc[::-1])
    table = compared(truth, noise, shuffled).set_index("second")
    assert table.loc["noise", "lower"] > 0
    assert table.loc["noise", "p_holm"] == pytest.approx(min(1, 2 * table.loc["noise", "p"]))
    assert table.loc["same", "difference"] == 0
    assert table.loc["same", "p"] == 1
    assert table["protocols"].tolist() == ["nested", "nested"]
    assert table["events"].tolist() == [predictions["event"].sum()] * 2


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

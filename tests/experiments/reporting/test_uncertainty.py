from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from experiments.reporting.folds import fold_table
from experiments.reporting.uncertainty import Effort, chance, predicted, resampled, split_p
from mmsurv.metrics.resample import percentile_interval
from mmsurv.survival import DAYS_PER_YEAR

EFFORT = Effort(200, 0)


def test_a_resampled_model_has_its_own_numbers(predictions, arm_of) -> None:
    arm = arm_of(predictions)
    draws = resampled(arm, arm.rows, (5.0,), EFFORT)
    found = percentile_interval(draws, "c_index")
    assert found.lower < found.value < found.upper
    assert {"auc_5y", "ibs_5y", "calibration_slope_5y"} <= set(draws.value)
    assert all(np.isfinite(value) for value in draws.value.values())


def test_without_survival_there_is_still_a_c_index(predictions, arm_of) -> None:
    few = arm_of(predictions.iloc[:, :5])
    assert predicted(few, (5.0,)) == ()
    draws = resampled(few, few.rows, (), EFFORT)
    whole = resampled(arm_of(predictions), predictions, (5.0,), EFFORT)
    assert draws.value["c_index"] == pytest.approx(whole.value["c_index"])
    assert predicted(arm_of(predictions), (5.0, 12.0)) == (5.0,)


def test_repeats_that_do_not_hold_everybody_out_are_not_averaged(predictions, arm_of) -> None:
    second = predictions[predictions["fold"] == 0].assign(repeat=1, fold=3, log_hazard=0.0)
    both = pd.concat([predictions.assign(repeat=0), second], ignore_index=True)
    draws = resampled(arm_of(both), both, (), EFFORT)
    alone = resampled(arm_of(predictions), predictions, (), EFFORT)
    assert draws.value["c_index"] == pytest.approx(alone.value["c_index"])


def test_chance_is_around_a_half_and_the_truth_outside(predictions, arm_of) -> None:
    arm = arm_of(predictions)
    for more in ({}, {"pooled": True}, {"until": 5 * DAYS_PER_YEAR}):
        band = chance(arm, predictions, **more)
        assert 0.3 < band.lower < 0.5 < band.upper < 0.7
        assert band.value > band.upper
        assert chance(arm, predictions, **more) == band
    assert split_p(predictions, EFFORT).value < 0.05


def test_chance_is_of_the_number_beside_it(predictions, arm_of) -> None:
    arm = arm_of(predictions)
    folds = fold_table(arm, (5.0,))
    assert chance(arm, predictions).value == pytest.approx(folds["c_index"].mean())
    uno = chance(arm, predictions, until=5 * DAYS_PER_YEAR)
    assert uno.value == pytest.approx(folds["c_uno_5y"].mean())
    pooled = np.average(folds["c_index"], weights=folds["comparable_pairs"])
    assert chance(arm, predictions, pooled=True).value == pytest.approx(pooled)


def test_groups_dealt_by_chance_are_not_told_apart(predictions) -> None:
    group = np.random.default_rng(3).choice(["low", "high"], len(predictions))
    assert split_p(predictions.assign(risk_group=group), EFFORT).value > 0.05

from __future__ import annotations

import math

import numpy as np
import pytest
from sksurv.metrics import cumulative_dynamic_auc
from sksurv.util import Surv

from mmsurv.metrics.functional import auc_at


def test_equals_scikit_survival(split, horizons) -> None:
    train = Surv.from_arrays(split["train_event"], split["train_time"])
    scored = Surv.from_arrays(split["event"], split["time"])
    theirs, _ = cumulative_dynamic_auc(train, scored, split["log_hazard"], horizons)
    ours = [auc_at(**split, at_days=at).value for at in horizons]
    np.testing.assert_allclose(ours, theirs, atol=1e-6)


def test_equals_risk_regression_of_r(golden_prediction, golden_table) -> None:
    event = golden_table["event"].to_numpy() == 1
    time = golden_table["untied"].to_numpy(dtype=float)
    ours = [
        auc_at(
            log_hazard=golden_table["log_hazard"].to_numpy(dtype=float),
            event=event,
            time=time,
            train_event=event,
            train_time=time,
            at_days=float(at),
        ).value
        for at in golden_prediction["time"]
    ]
    np.testing.assert_allclose(ours, golden_prediction["auc"], atol=1e-6)


def test_turned_risks_and_constant_risks(split, horizons) -> None:
    auc = auc_at(**split, at_days=horizons[1]).value
    turned = auc_at(**split | {"log_hazard": -split["log_hazard"]}, at_days=horizons[1]).value
    assert turned == pytest.approx(1 - auc, abs=1e-6)
    constant = split | {"log_hazard": np.full_like(split["log_hazard"], 3.0)}
    assert auc_at(**constant, at_days=horizons[1]).value == pytest.approx(0.5, abs=1e-6)


def test_only_the_order_of_risks_counts(split, horizons) -> None:
    stretched = split | {"log_hazard": 1e-20 * split["log_hazard"] ** 3}
    assert auc_at(**stretched, at_days=horizons[2]) == auc_at(**split, at_days=horizons[2])


def test_what_happens_to_the_scored_patients_after_t_does_not_count(split, horizons) -> None:
    at = horizons[1]
    after = split["time"] > at
    changed = split | {"event": np.where(after, ~split["event"], split["event"])}
    assert auc_at(**changed, at_days=at) == auc_at(**split, at_days=at)


@pytest.mark.parametrize(
    ("change", "at_days", "reason"),
    [
        ({"event": np.array([False, False, True])}, 2.5, "no event by time 2.5"),
        ({}, 0.5, "no event by time 0.5"),
        ({}, 3.0, "where the follow-up of the scored patients ends"),
        ({"train_time": np.array([1.0, 2.0])}, 2.0, "follow-up of the training patients ends"),
        ({"train_event": np.array([False, False])}, 2.0, "no event among the training patients"),
    ],
)
def test_what_cannot_be_computed_is_nan_with_a_reason(change, at_days, reason) -> None:
    data = {
        "log_hazard": np.array([3.0, 1.0, 2.0]),
        "event": np.array([True, False, True]),
        "time": np.array([1.0, 2.0, 3.0]),
        "train_event": np.array([True, True]),
        "train_time": np.array([1.0, 9.0]),
    }
    result = auc_at(**data | change, at_days=at_days)
    assert math.isnan(result.value)
    assert reason in result.reason


def test_one_patient_and_no_patient_are_nan_with_a_reason() -> None:
    train = {"train_event": np.array([True, True]), "train_time": np.array([1.0, 9.0])}
    for n in (0, 1):
        result = auc_at(
            log_hazard=np.zeros(n),
            event=np.ones(n, dtype=bool),
            time=np.ones(n),
            **train,
            at_days=1.0,
        )
        assert math.isnan(result.value)
        assert result.reason


def test_a_log_hazard_that_is_not_finite_is_refused(split) -> None:
    split["log_hazard"][3] = np.nan
    with pytest.raises(ValueError, match="log_hazard must be finite, row 3 is nan"):
        auc_at(**split, at_days=2.0)

from __future__ import annotations

import numpy as np
import pytest
from sksurv.nonparametric import CensoringDistributionEstimator
from sksurv.util import Surv

from mmsurv.metrics.functional import ipcw, legal_end, legal_times
from mmsurv.metrics.functional.censoring import why_illegal


def test_weights_equal_those_of_scikit_survival(split) -> None:
    train = Surv.from_arrays(split["train_event"], split["train_time"])
    theirs = CensoringDistributionEstimator().fit(train)
    at = split["time"]
    weights = ipcw(train_event=split["train_event"], train_time=split["train_time"], at=at)
    np.testing.assert_allclose(weights, 1 / theirs.predict_proba(at), rtol=2e-6)


def test_weights_equal_those_of_r(golden, golden_cohort) -> None:
    survival = np.array(golden["censoring"]["survival"])
    weights = ipcw(
        train_event=golden_cohort.event,
        train_time=golden_cohort.time,
        at=np.array(golden["censoring"]["time"], dtype=float),
    )
    inverse = np.divide(1, survival, out=np.zeros_like(survival), where=survival > 0)
    np.testing.assert_allclose(weights, inverse, rtol=3e-6)
    assert weights[-1] == 0  # the last patient is censored: nothing is known there


def test_times_that_float32_cannot_tell_apart_keep_their_weights(split) -> None:
    known = {"train_event": split["train_event"]}
    plain = ipcw(**known, train_time=split["train_time"], at=split["time"])
    close = ipcw(
        **known, train_time=1e5 + 1e-6 * split["train_time"], at=1e5 + 1e-6 * split["time"]
    )
    np.testing.assert_array_equal(close, plain)


def test_below_the_legal_end_every_weight_is_positive(split) -> None:
    end = legal_end(train_time=split["train_time"], test_time=split["time"])
    at = np.linspace(0.1, end, 50, endpoint=False)
    weights = ipcw(train_event=split["train_event"], train_time=split["train_time"], at=at)
    assert (weights >= 1).all()
    assert (np.diff(weights) >= 0).all()


def test_one_training_patient_and_nobody_censored() -> None:
    one = ipcw(train_event=np.array([True]), train_time=np.array([2.0]), at=np.array([1.0, 3.0]))
    assert one.tolist() == [1.0, 1.0]
    two = ipcw(
        train_event=np.array([True, True]), train_time=np.array([2.0, 4.0]), at=np.array([1.0, 3.0])
    )
    assert two.tolist() == [1.0, 1.0]


def test_reasons_name_whose_follow_up_ends() -> None:
    short, long = np.array([3.0]), np.array([8.0])
    assert why_illegal(2.9, train_time=short, test_time=long) == ""
    assert "training" in why_illegal(3.0, train_time=short, test_time=long)
    assert "scored" in why_illegal(3.0, train_time=long, test_time=short)


def test_without_a_training_event_there_are_no_weights() -> None:
    with pytest.raises(ValueError, match="at least one event among the training patients"):
        ipcw(train_event=np.array([False]), train_time=np.array([2.0]), at=np.array([1.0]))


def test_the_legal_part_of_a_grid_ends_with_either_follow_up() -> None:
    grid = np.array([1.0, 2.0, 3.0, 4.0])
    short, long = np.array([1.0, 3.0]), np.array([2.0, 9.0])
    assert legal_times(grid, train_time=short, test_time=long).tolist() == [1.0, 2.0]
    assert legal_times(grid, train_time=long, test_time=short).tolist() == [1.0, 2.0]
    assert legal_times(grid, train_time=long, test_time=long).tolist() == grid.tolist()
    assert legal_times(grid, train_time=long, test_time=np.array([])).tolist() == []

from __future__ import annotations

import warnings

import numpy as np
import pytest
from lifelines import CoxPHFitter
from pandas import DataFrame

from experiments.baselines.model import NotFittedError, Sample
from experiments.baselines.tuning import cross_validated_likelihood, inner_folds, log_likelihood


def test_inner_folds_deal_events_evenly_and_repeat(make_sample) -> None:
    sample = make_sample(53, [1.0])
    folds = inner_folds(sample)
    events = np.bincount(folds[sample.event])
    assert len(events) == 5
    assert np.ptp(events) <= 1
    assert (inner_folds(sample) == folds).all()
    assert (inner_folds(sample._replace(seed=9)) != folds).any()


def test_few_events_make_fewer_folds_and_too_few_none() -> None:
    event = np.array([True] * 4 + [False] * 20)
    sample = Sample(np.zeros((24, 1)), event, np.arange(1.0, 25.0), 0)
    assert inner_folds(sample).max() == 1
    event[0] = False
    with pytest.raises(NotFittedError, match="3 events in training"):
        inner_folds(sample)


def test_the_log_likelihood_is_that_of_lifelines(make_sample) -> None:
    sample = make_sample(60, [0.7, -0.4])
    table = DataFrame(sample.x, columns=["a", "b"]).assign(t=sample.time, e=sample.event)
    with warnings.catch_warnings():
        # lifelines calls `var` in a way that pandas 4 will refuse.
        warnings.filterwarnings("ignore", "Starting with pandas version 4.0")
        fitter = CoxPHFitter().fit(table, "t", "e")
    own = log_likelihood(sample.x @ fitter.params_.to_numpy(), sample.event, sample.time)
    assert own == pytest.approx(fitter.log_likelihood_, abs=1e-6)


def test_what_predicts_unseen_patients_is_preferred(make_sample) -> None:
    sample = make_sample(200, [1.0])
    right = cross_validated_likelihood(sample, lambda part: np.array([[-1.0, 0.0, 1.0]]))
    assert right.argmax() == 2
    # Weights of 0 tell nothing: what a fold adds is the log of how many are at risk.
    assert right[1] < right[2] - 10


def test_a_path_that_ends_early_in_one_fold_is_compared_where_all_are(make_sample) -> None:
    lengths = iter([3, 2, 3, 3, 3])
    found = cross_validated_likelihood(
        make_sample(60, [1.0]), lambda part: np.zeros((1, next(lengths)))
    )
    assert found.shape == (2,)

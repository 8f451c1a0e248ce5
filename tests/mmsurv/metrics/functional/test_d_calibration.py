from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from mmsurv.metrics.functional import d_calibration, survival_when_last_seen


@given(
    st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1, max_size=30), st.integers(2, 12)
)
def test_every_patient_counts_once(patients, bins) -> None:
    own, event = map(np.array, zip(*patients, strict=True))
    result = d_calibration(survival_at_end=own.astype(float), event=event, bins=bins)
    assert result.counts.sum() == pytest.approx(len(own))
    assert (result.counts >= -1e-9).all()


def test_without_censoring_it_is_pearsons_test() -> None:
    own = np.random.default_rng(0).beta(2, 1, size=300)
    result = d_calibration(survival_at_end=own, event=np.ones(300, dtype=bool))
    theirs = stats.chisquare(np.histogram(own, bins=10, range=(0, 1))[0])
    assert (result.statistic, result.p) == pytest.approx((theirs.statistic, theirs.pvalue))
    assert result.p < 1e-6


@pytest.mark.parametrize("k", range(11))
def test_an_edge_belongs_to_the_interval_that_it_opens(k) -> None:
    event = np.ones(1, dtype=bool)
    counts = d_calibration(survival_at_end=np.array([k * 0.1]), event=event).counts
    assert np.flatnonzero(counts).tolist() == [min(k, 9)]


def test_the_censored_are_shared_out_as_haider_says() -> None:
    own = np.array([0.25, 0.0, 1.0])
    counts = d_calibration(survival_at_end=own, event=np.zeros(3, dtype=bool), bins=5).counts
    quarter = np.array([0.2 / 0.25, 0.05 / 0.25, 0, 0, 0])
    np.testing.assert_allclose(counts, quarter + np.eye(5)[0] + 0.2, atol=1e-9)


def test_true_predictions_are_seldom_rejected_and_wrong_ones_mostly() -> None:
    random = np.random.default_rng(1)
    rejected = {0.5: 0, 1.0: 0}
    for _ in range(400):
        hazard = np.exp(random.normal(size=200))
        death, censored = random.exponential(1 / hazard), random.exponential(2.0, size=200)
        time, event = np.minimum(death, censored), death <= censored
        for factor in rejected:
            own = np.exp(-hazard * time * factor)
            rejected[factor] += d_calibration(survival_at_end=own, event=event).p < 0.05
    # Sharing out the censored takes variance away: the test keeps its level and is conservative.
    assert rejected[1.0] <= 0.06 * 400
    assert rejected[0.5] > 0.95 * 400


def test_own_survival_is_read_from_the_own_curve() -> None:
    at = np.array([1.0, 2.0, 4.0])
    rate = np.array([0.1, 0.2, 0.3, 0.4])
    time = np.array([0.5, 2.0, 3.0, 4.0])
    own, seen = survival_when_last_seen(
        survival=1 - rate[:, None] * at / 4, time=time, event=np.ones(4, dtype=bool), at_days=at
    )
    np.testing.assert_allclose(own, 1 - rate * time / 4)
    assert seen.all()


def test_beyond_the_grid_nothing_is_made_up() -> None:
    own, seen = survival_when_last_seen(
        survival=np.array([[0.7], [0.7]]),
        time=np.array([1.0, 1.5]),
        event=np.array([True, True]),
        at_days=np.array([1.0]),
    )
    assert own.tolist() == [0.7, 0.7]
    assert seen.tolist() == [True, False]


@pytest.mark.parametrize("n", [0, 3])
def test_without_events_it_is_nan_with_a_reason(n) -> None:
    result = d_calibration(survival_at_end=np.full(n, 0.5), event=np.zeros(n, dtype=bool))
    assert math.isnan(result.statistic)
    assert math.isnan(result.p)
    assert "no event" in result.reason


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"survival_at_end": np.array([1.1])}, "must be in"),
        ({"survival_at_end": np.array([np.nan])}, "must be finite"),
        ({"event": np.array([1])}, "event must be bool"),
        ({"bins": 1}, "bins must be at least 2"),
    ],
)
def test_wrong_arguments_are_named(change, message) -> None:
    good = {"survival_at_end": np.array([0.5]), "event": np.array([True])}
    with pytest.raises(ValueError, match=message):
        d_calibration(**good | change)

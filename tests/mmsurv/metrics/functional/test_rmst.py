from __future__ import annotations

import math

import numpy as np
import pytest
from lifelines import KaplanMeierFitter
from lifelines.utils import restricted_mean_survival_time

from mmsurv.metrics.functional import restricted_mean, restricted_mean_difference


def test_equals_r(golden, golden_table) -> None:
    event = golden_table["event"].to_numpy() == 1
    time = golden_table["time"].to_numpy(dtype=float)
    group = golden_table["group"].to_numpy() == 1
    theirs = golden["restricted"]
    for rows, mean, error in zip((~group, group), theirs["mean"], theirs["error"], strict=True):
        ours = restricted_mean(event=event[rows], time=time[rows], until=theirs["until"])
        assert ours.value == pytest.approx(mean, rel=1e-10)
        assert (ours.upper - ours.lower) / 2 / 1.959963985 == pytest.approx(error, rel=1e-8)
    difference = restricted_mean_difference(
        event=event, time=time, group=group, until=theirs["until"]
    )
    assert difference.value == pytest.approx(theirs["mean"][0] - theirs["mean"][1], rel=1e-10)
    spread = math.hypot(*theirs["error"])
    assert difference.lower == pytest.approx(difference.value - 1.959963985 * spread, rel=1e-8)


@pytest.mark.parametrize("seed", range(3))
def test_equals_lifelines(seed, make_cohort) -> None:
    cohort = make_cohort(seed, times=[6, 40, 900][seed])
    until = 0.8 * cohort.time.max()
    fitted = KaplanMeierFitter().fit(cohort.time, cohort.event)
    ours = restricted_mean(event=cohort.event, time=cohort.time, until=until)
    assert ours.value == pytest.approx(restricted_mean_survival_time(fitted, t=until), rel=1e-9)


def test_without_censoring_it_is_the_mean_of_what_was_lived() -> None:
    time = np.random.default_rng(0).exponential(size=60)
    event = np.ones(60, dtype=bool)
    for until in (0.5, 1.0, 50.0):
        ours = restricted_mean(event=event, time=time, until=until)
        lived = np.minimum(time, until)
        assert ours.value == pytest.approx(lived.mean())
        assert ours.upper - ours.value == pytest.approx(1.959963985 * lived.std() / math.sqrt(60))


def test_exchanging_the_groups_changes_the_sign_alone(make_cohort) -> None:
    cohort = make_cohort(4)
    data = {"event": cohort.event, "time": cohort.time, "until": 9.0}
    group = cohort.log_hazard > 0
    one = restricted_mean_difference(**data, group=group)
    other = restricted_mean_difference(**data, group=~group)
    assert one.value > 0
    assert (other.value, other.lower, other.upper) == (-one.value, -one.upper, -one.lower)
    assert other.p == one.p


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"group": np.array([True, True, True])}, "one of the two groups is empty"),
        ({"until": 3.5}, "followed only to 3, not to 3.5"),
        ({"until": 0.5}, "no event before the horizon"),
    ],
)
def test_what_cannot_be_computed_is_nan_with_a_reason(change, reason) -> None:
    good = {
        "event": np.array([True, True, False]),
        "time": np.array([1.0, 2.0, 3.0]),
        "group": np.array([True, False, False]),
        "until": 2.5,
    }
    assert restricted_mean_difference(**good).reason == ""
    result = restricted_mean_difference(**good | change)
    assert math.isnan(result.value)
    assert reason in result.reason


def test_wrong_arguments_are_named() -> None:
    good = {"event": np.array([True]), "time": np.array([1.0])}
    with pytest.raises(ValueError, match="until must be positive, got 0"):
        restricted_mean(**good, until=0.0)
    with pytest.raises(ValueError, match="group must be 1 bools, got int64"):
        restricted_mean_difference(**good, group=np.array([1]), until=1.0)
    assert restricted_mean(event=np.array([], dtype=bool), time=np.array([]), until=1.0).reason

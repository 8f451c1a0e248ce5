from __future__ import annotations

import math

import numpy as np
import pytest
from lifelines.statistics import logrank_test

from mmsurv.metrics.functional import logrank, logrank_statistic

# lifelines 0.30.0, the last release that allows pandas 3, speaks of pandas 4.
lifelines_and_pandas = pytest.mark.filterwarnings("ignore:Starting with pandas version 4.0")


def test_equals_r(golden, golden_table) -> None:
    arguments = {
        "time": golden_table["time"].to_numpy(float),
        "event": golden_table["event"].to_numpy() == 1,
        "group": golden_table["group"].to_numpy() == 1,
    }
    assert logrank_statistic(**arguments).value == pytest.approx(
        golden["logrank"]["statistic"], rel=1e-10
    )
    assert logrank(**arguments).value == pytest.approx(golden["logrank"]["p"], rel=1e-8)


@lifelines_and_pandas
@pytest.mark.parametrize("seed", range(4))
def test_equals_lifelines(seed, make_cohort) -> None:
    cohort = make_cohort(seed, times=[4, 12, 60, 5000][seed])
    group = np.random.default_rng(seed).random(120) < 0.3
    theirs = logrank_test(
        cohort.time[group], cohort.time[~group], cohort.event[group], cohort.event[~group]
    )
    arguments = {"time": cohort.time, "event": cohort.event, "group": group}
    assert logrank_statistic(**arguments).value == pytest.approx(theirs.test_statistic, abs=1e-9)
    assert logrank(**arguments).value == pytest.approx(theirs.p_value, abs=1e-9)
    swapped = arguments | {"group": ~group}
    assert logrank(**swapped).value == pytest.approx(theirs.p_value, abs=1e-9)


@pytest.mark.parametrize(
    ("event", "group", "reason"),
    [
        ([True, True], [True, True], "one of the two groups is empty"),
        ([True, True], [False, False], "one of the two groups is empty"),
        ([False, False], [True, False], "no event"),
        ([False, True], [True, False], "no event at a time when both groups are at risk"),
    ],
)
def test_what_cannot_be_compared_is_nan_with_a_reason(event, group, reason) -> None:
    arguments = {
        "time": np.array([1.0, 2.0]),
        "event": np.array(event),
        "group": np.array(group),
    }
    for test in (logrank, logrank_statistic):
        result = test(**arguments)
        assert math.isnan(result.value)
        assert reason in result.reason


def test_a_group_of_words_is_refused() -> None:
    with pytest.raises(ValueError, match="group must be 2 bools, got int64"):
        logrank(time=np.ones(2), event=np.ones(2, dtype=bool), group=np.array([0, 1]))

from __future__ import annotations

import math
import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from lifelines.utils import concordance_index
from sksurv.metrics import concordance_index_censored, concordance_index_ipcw
from sksurv.util import Surv

from mmsurv.metrics.functional import (
    comparable_pairs,
    concordance,
    pooled_concordance,
    uno_concordance,
)

cohorts = st.integers(1, 10).flatmap(
    lambda n: st.tuples(
        st.lists(st.integers(-3, 3), min_size=n, max_size=n),
        st.lists(st.booleans(), min_size=n, max_size=n),
        st.lists(st.integers(1, 5), min_size=n, max_size=n),
    )
)


def by_definition(log_hazard, event, time) -> tuple[float, int]:
    """Concordant and comparable pairs, pair by pair."""
    concordant, pairs = 0.0, 0
    for i in np.flatnonzero(event):
        for j in range(len(time)):
            if time[j] > time[i] or (time[j] == time[i] and not event[j]):
                pairs += 1
                concordant += (log_hazard[i] > log_hazard[j]) + (log_hazard[i] == log_hazard[j]) / 2
    return concordant, pairs


@given(data=cohorts)
def test_equals_the_definition_whatever_ties(data) -> None:
    log_hazard, time = np.array(data[0], dtype=float), np.array(data[2], dtype=float)
    event = np.array(data[1])
    concordant, pairs = by_definition(log_hazard, event, time)
    assert comparable_pairs(event=event, time=time) == pairs
    result = concordance(log_hazard=log_hazard, event=event, time=time)
    if pairs == 0:
        assert math.isnan(result.value)
        assert result.reason
    else:
        assert result.reason == ""
        assert result.value == pytest.approx(concordant / pairs, abs=1e-6)


@pytest.mark.parametrize("seed", range(4))
def test_equals_scikit_survival_and_lifelines(seed, make_cohort) -> None:
    cohort = make_cohort(seed, n=150, times=[6, 25, 100, 5000][seed], events=0.15 + 0.15 * seed)
    ours = concordance(**cohort._asdict())
    theirs = concordance_index_censored(cohort.event, cohort.time, cohort.log_hazard)
    assert ours.value == pytest.approx(theirs[0], abs=1e-6)
    assert comparable_pairs(event=cohort.event, time=cohort.time) == sum(theirs[1:4])
    assert ours.value == pytest.approx(
        concordance_index(cohort.time, -cohort.log_hazard, cohort.event), abs=1e-6
    )


def test_equals_r(golden, golden_cohort) -> None:
    result = concordance(**golden_cohort._asdict())
    assert result.value == pytest.approx(golden["concordance"]["c_index"], abs=1e-6)
    pairs = comparable_pairs(event=golden_cohort.event, time=golden_cohort.time)
    assert pairs == golden["concordance"]["comparable"]


def test_turning_the_risks_round_turns_c_round(make_cohort) -> None:
    cohort = make_cohort(0)
    c = concordance(**cohort._asdict()).value
    turned = concordance(**cohort._replace(log_hazard=-cohort.log_hazard)._asdict()).value
    assert turned == pytest.approx(1 - c, abs=1e-12)  # ties count a half either way


@pytest.mark.parametrize("scale", [1e-30, 1e-9, 1.0, 1e30])
@pytest.mark.parametrize("shift", [0.0, 1e4])
def test_only_the_order_of_risks_and_times_counts(scale, shift, make_cohort) -> None:
    cohort = make_cohort(1)
    plain = concordance(**cohort._asdict())
    mapped = concordance(
        log_hazard=cohort.log_hazard * scale,
        event=cohort.event,
        time=cohort.time * 1e-7 + shift,  # float32 could not tell these times apart
    )
    assert mapped == plain


def test_constant_risks_are_a_coin(make_cohort) -> None:
    cohort = make_cohort(2)
    assert concordance(**cohort._replace(log_hazard=np.zeros(120))._asdict()).value == 0.5


@pytest.mark.parametrize(
    ("event", "time", "reason"),
    [
        ([], [], "no event"),
        ([False, False], [1.0, 2.0], "no event"),
        ([True], [1.0], "nobody is followed beyond"),
        ([False, True], [1.0, 2.0], "nobody is followed beyond"),
        ([False, True, True], [1.0, 2.0, 2.0], "nobody is followed beyond"),
    ],
)
def test_without_a_pair_it_is_nan_with_a_reason(event, time, reason) -> None:
    data = {
        "log_hazard": np.arange(float(len(event))),
        "event": np.array(event, dtype=bool),
        "time": np.array(time),
    }
    result = concordance(**data)
    assert math.isnan(result.value)
    assert reason in result.reason
    if event:
        weighted = uno_concordance(
            **data,
            train_event=np.array([True, True]),
            train_time=np.array([1.0, 9.0]),
            until=max(time),
        )
        assert math.isnan(weighted.value)
        assert "no comparable pair" in weighted.reason


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_log_hazard_that_is_not_finite_is_refused(bad, make_cohort) -> None:
    cohort = make_cohort(3)
    cohort.log_hazard[17] = bad
    with pytest.raises(ValueError, match="log_hazard must be finite, row 17 is"):
        concordance(**cohort._asdict())


def test_uno_equals_scikit_survival(split, horizons) -> None:
    train = Surv.from_arrays(split["train_event"], split["train_time"])
    scored = Surv.from_arrays(split["event"], split["time"])
    for until in horizons:
        theirs = concordance_index_ipcw(train, scored, split["log_hazard"], tau=until)[0]
        ours = uno_concordance(**split, until=until)
        assert ours.value == pytest.approx(theirs, abs=1e-6)


def test_uno_says_why_not(split) -> None:
    beyond = uno_concordance(**split, until=split["time"].max() + 1)
    assert math.isnan(beyond.value)
    assert "beyond" in beyond.reason
    early = uno_concordance(**split, until=split["time"].min())
    assert "no comparable pair before tau" in early.reason
    nothing = split | {"train_event": np.zeros_like(split["train_event"])}
    assert "training" in uno_concordance(**nothing, until=2.0).reason


def test_a_hundred_thousand_patients_fit_into_linear_memory() -> None:
    random = np.random.default_rng(0)
    n = 100_000
    time = np.ceil(random.exponential(1000, size=n)) + 1
    log_hazard = np.round(random.normal(size=n) - np.log(time) / 10, 2)
    event = random.random(n) < 0.2
    tracemalloc.start()
    result = concordance(log_hazard=log_hazard, event=event, time=time)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 300 * n  # one byte for every two patients would be 5,000 MB
    few = slice(0, 3000)
    theirs = concordance_index_censored(event[few], time[few], log_hazard[few])[0]
    part = concordance(log_hazard=log_hazard[few], event=event[few], time=time[few])
    assert part.value == pytest.approx(theirs, abs=1e-12)
    assert result.value == pytest.approx(part.value, abs=0.03)


def test_inputs_may_be_read_only(make_cohort) -> None:
    cohort = make_cohort(4)
    for column in cohort:
        column.flags.writeable = False
    assert 0 < concordance(**cohort._asdict()).value < 1


def test_pooled_over_folds_every_pair_counts_once(make_cohort) -> None:
    cohorts = [make_cohort(seed, n=30 + 40 * seed) for seed in range(3)]
    counted = [by_definition(*cohort) for cohort in cohorts]
    pooled = pooled_concordance(
        c_index=np.array([concordance(**cohort._asdict()).value for cohort in cohorts]),
        pairs=np.array([pairs for _, pairs in counted]),
    )
    assert pooled.value == pytest.approx(
        sum(concordant for concordant, _ in counted) / sum(pairs for _, pairs in counted)
    )


def test_a_fold_without_pairs_does_not_count_in_the_pool() -> None:
    pairs = np.array([4, 0])
    assert pooled_concordance(c_index=np.array([0.75, np.nan]), pairs=pairs).value == 0.75
    nothing = pooled_concordance(c_index=np.array([np.nan, np.nan]), pairs=0 * pairs)
    assert "no comparable pair in any fold" in nothing.reason
    with pytest.raises(ValueError, match="its C-index is NaN"):
        pooled_concordance(c_index=np.array([np.nan, 0.5]), pairs=pairs)
    with pytest.raises(ValueError, match="a C-index and pairs"):
        pooled_concordance(c_index=np.array([0.5]), pairs=pairs)

from __future__ import annotations

import math
import time as clock
from itertools import permutations

import numpy as np
import pytest

from mmsurv.metrics.functional import (
    FoldChance,
    Scored,
    chance_band,
    concordance,
    fold_chance,
    null_band,
    uno_concordance,
)

EVENT = np.array([True, False, True, True, False, True])
TIME = np.array([1.0, 2.0, 2.0, 3.0, 3.0, 4.0])


@pytest.mark.parametrize("log_hazard", [[3, 1, 2, 5, 4, 0], [2, 2, 1, 1, 1, 0], [1, 1, 1, 1, 1, 1]])
@pytest.mark.parametrize("weight", [None, np.array([1.0, 9.0, 1.5, 4.0, 9.0, 0.0])])
def test_the_spread_is_that_of_every_deal(log_hazard, weight) -> None:
    eta = np.array(log_hazard, dtype=float)
    outcomes = {"event": EVENT, "time": TIME, "weight": weight}
    values = [
        fold_chance(log_hazard=eta[list(order)], **outcomes).value
        for order in permutations(range(6))
    ]
    assert np.mean(values) == pytest.approx(0.5)
    found = fold_chance(log_hazard=eta, **outcomes)
    assert found.spread == pytest.approx(np.std(values), abs=1e-12)


def test_the_value_is_the_c_index_and_with_weights_unos(make_cohort) -> None:
    cohort = make_cohort(3, n=60, times=15)
    of = cohort._asdict()
    assert fold_chance(**of).value == pytest.approx(concordance(**of).value)
    # Nobody among the training patients is censored: the weights are 1 before the truncation.
    train = {"train_event": np.ones(90, bool), "train_time": np.arange(1.0, 91.0)}
    until = float(np.quantile(cohort.time, 0.7))
    uno = uno_concordance(**of, **train, until=until)
    found = fold_chance(**of, weight=(cohort.time < until).astype(float))
    assert found.value == pytest.approx(uno.value)


def test_the_band_is_that_of_the_deals(make_cohort) -> None:
    cohorts = [make_cohort(k, n=60, times=25) for k in range(5)]
    dealt = null_band([Scored(*c) for c in cohorts], test_share=0.25, permutations=20_000)
    known = chance_band([fold_chance(**c._asdict()) for c in cohorts], test_share=0.25)
    assert known.value == pytest.approx(dealt.value)
    half = known.upper - 0.5
    assert (known.lower, known.upper) == pytest.approx((dealt.lower, dealt.upper), abs=half / 25)
    assert known.p == pytest.approx(dealt.p, abs=0.015)


def test_pooled_folds_weigh_by_their_pairs_and_empty_ones_not_at_all() -> None:
    large, small = FoldChance(0.7, 0.04, 900.0), FoldChance(0.5, 0.1, 100.0)
    nobody = fold_chance(log_hazard=np.zeros(3), event=np.zeros(3, bool), time=np.ones(3))
    band = chance_band([large, small, nobody], test_share=0.0, pooled=True)
    assert band.value == pytest.approx(0.68)
    spread = math.hypot(0.9 * 0.04, 0.1 * 0.1)
    assert band.upper - 0.5 == pytest.approx(1.959964 * spread)
    alike = [FoldChance(0.6, 0.05, 10.0)] * 4
    assert chance_band(alike, test_share=0.2, pooled=True) == pytest.approx(
        chance_band(alike, test_share=0.2)
    )
    missing = chance_band([large, nobody], test_share=0.0)
    assert math.isnan(missing.lower)
    assert missing.reason == "no comparable pair in a fold"
    assert chance_band([], test_share=0.0).reason == "no fold"


def test_a_ranking_of_ties_alone_is_chance() -> None:
    tied = fold_chance(log_hazard=np.zeros(4), event=np.ones(4, bool), time=np.arange(1.0, 5.0))
    assert chance_band([tied], test_share=0.25)[:4] == (0.5, 0.5, 0.5, 1.0)


def test_what_is_out_of_range_is_refused() -> None:
    with pytest.raises(ValueError, match="level"):
        chance_band([], test_share=0.0, level=95.0)
    with pytest.raises(ValueError, match="test_share"):
        chance_band([], test_share=-1.0)


def test_a_run_of_many_repeats_is_quick() -> None:
    random = np.random.default_rng(0)
    begun = clock.perf_counter()
    for _ in range(25):
        fold_chance(
            log_hazard=random.normal(size=200), event=random.random(200) < 0.4,
            time=random.exponential(size=200) + 1.0,
        )  # fmt: skip
    assert clock.perf_counter() - begun < 0.5

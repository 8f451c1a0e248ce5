from __future__ import annotations

import math

import numpy as np
import pytest

from mmsurv.metrics.functional import (
    Scored,
    concordance,
    cox_regression,
    logrank,
    logrank_statistic,
    null_band,
    permutation_logrank,
)
from mmsurv.metrics.functional import permutation as module


def folds_of(seed: int, make_cohort, signal: bool) -> list[Scored]:
    cohorts = [make_cohort(10 * seed + k, n=40, times=15) for k in range(3)]
    random = np.random.default_rng(seed)
    return [
        Scored(random.normal(size=40) + 9 * k - signal * c.time / 2, c.event, c.time)
        for k, c in enumerate(cohorts)
    ]


def test_every_deal_is_counted_as_the_c_index_is(make_cohort, monkeypatch) -> None:
    monkeypatch.setattr(module, "_NUMBERS", 100)  # several chunks
    cohort = make_cohort(0, n=30, times=8)
    dealt = module._dealt_concordance(Scored(*cohort), 25, np.random.default_rng(4))
    again = np.random.default_rng(4)
    order = np.lexsort((~cohort.event, cohort.time))
    expected = []
    for deals in [3] * 8 + [1]:
        rows = again.permuted(
            np.tile(np.unique(cohort.log_hazard, return_inverse=True)[1], (deals, 1)), axis=1
        )
        expected += [
            concordance(
                log_hazard=row.astype(float), event=cohort.event[order], time=cohort.time[order]
            ).value
            for row in rows
        ]
    np.testing.assert_allclose(dealt, expected, atol=1e-12)


def test_every_grouping_is_tested_as_the_log_rank_does(make_cohort) -> None:
    cohort = make_cohort(1, n=50, times=10)
    order = np.argsort(-cohort.time, kind="stable")
    groups = np.random.default_rng(0).random((20, 50)) < 0.4
    ours = module._signed_logrank(groups, cohort.event[order], cohort.time[order]) ** 2
    theirs = [
        logrank_statistic(time=cohort.time[order], event=cohort.event[order], group=row).value
        for row in groups
    ]
    np.testing.assert_allclose(ours, theirs, rtol=1e-9)


def test_a_signal_lies_outside_the_band_and_the_band_around_one_half(make_cohort) -> None:
    band = null_band(folds_of(0, make_cohort, signal=True), test_share=0.5, permutations=500)
    assert band.value > band.upper
    assert band.p < 0.01
    assert band.lower < 0.5 < band.upper
    assert (band.lower + band.upper) / 2 == pytest.approx(0.5, abs=0.02)


def test_the_band_narrows_with_more_folds(make_cohort) -> None:
    fold = folds_of(1, make_cohort, signal=False)[0]
    one = null_band([fold], test_share=0, permutations=1000)
    four = null_band([fold] * 4, test_share=0, permutations=1000)
    ratio = (one.upper - one.lower) / (four.upper - four.lower)
    assert ratio == pytest.approx(2.0, rel=0.15)


def test_noise_is_rejected_at_the_nominal_rate() -> None:
    random = np.random.default_rng(0)
    of_c, of_split = [], []
    for seed in range(300):
        time, event = np.ceil(random.exponential(20, 60)), random.random(60) < 0.4
        eta, fold = random.normal(size=60), np.arange(60) % 3
        parts = [Scored(eta[fold == k], event[fold == k], time[fold == k]) for k in range(3)]
        of_c.append(null_band(parts, test_share=0, permutations=99, seed=seed).p)
        data = {"event": event, "time": time, "group": eta > 0, "fold": fold}
        of_split.append(permutation_logrank(**data, test_share=0, permutations=99, seed=seed).value)
    for p in (np.array(of_c), np.array(of_split)):
        for level in (0.05, 0.2, 0.5):
            error = math.sqrt(level * (1 - level) / 300)
            assert abs((p <= level).mean() - level) < 3 * error


def test_what_differs_between_folds_alone_is_no_effect() -> None:
    # One fold is all high risk and dies early, the other all low and late, but for a few.
    random = np.random.default_rng(0)
    fold = np.repeat([0, 1], 60)
    time = np.where(fold == 0, random.exponential(5, 120), random.exponential(50, 120)) + 0.1
    group = (fold == 0) ^ (random.random(120) < 0.1)
    data = {"event": np.ones(120, dtype=bool), "time": time, "group": group}
    assert permutation_logrank(**data, test_share=0, fold=fold).value > 0.02
    assert permutation_logrank(**data, test_share=0, fold=0 * fold).value < 0.002


def test_the_same_seed_deals_the_same(make_cohort) -> None:
    folds = folds_of(2, make_cohort, signal=False)
    assert null_band(folds, test_share=0.5, seed=3) == null_band(folds, test_share=0.5, seed=3)
    assert null_band(folds, test_share=0.5, seed=3) != null_band(folds, test_share=0.5, seed=4)


def test_what_cannot_be_computed_is_nan_with_a_reason(make_cohort) -> None:
    nobody = Scored(np.zeros(3), np.zeros(3, dtype=bool), np.ones(3))
    band = null_band([nobody, *folds_of(0, make_cohort, signal=True)], test_share=0.5)
    assert math.isnan(band.value)
    assert "no event" in band.reason
    assert null_band([], test_share=0.5).reason == "no fold"
    one_group = permutation_logrank(
        event=np.ones(3, dtype=bool), time=np.arange(1.0, 4.0), group=np.ones(3, dtype=bool),
        fold=np.zeros(3, dtype=int), test_share=0.5,
    )  # fmt: skip
    assert "one of the two groups is empty" in one_group.reason


def test_wrong_arguments_are_named(make_cohort) -> None:
    folds = folds_of(0, make_cohort, signal=True)
    with pytest.raises(ValueError, match="permutations must be at least 1, got 0"):
        null_band(folds, test_share=0.5, permutations=0)
    with pytest.raises(ValueError, match="level must be between 0 and 1"):
        null_band(folds, test_share=0.5, level=95.0)
    with pytest.raises(ValueError, match="test_share must not be negative"):
        null_band(folds, test_share=-1)
    of = {"event": folds[0].event, "time": folds[0].time, "group": folds[0].event}
    with pytest.raises(ValueError, match="fold must be 40 numbers"):
        permutation_logrank(**of, fold=np.zeros(2, int), test_share=0.5)


def test_the_band_is_widened_as_its_equation_says(make_cohort) -> None:
    folds = folds_of(3, make_cohort, signal=False)
    narrow, wide = (null_band(folds, test_share=share) for share in (0.0, 0.5))
    assert wide.upper - 0.5 == pytest.approx((narrow.upper - 0.5) * math.sqrt(1 + 3 * 0.5))
    assert wide.value == narrow.value


@pytest.mark.slow
def test_models_fitted_to_noise_are_rejected_at_the_nominal_rate_but_not_by_the_log_rank() -> None:
    folds = 10
    rejected = {"plain": 0, "group": 0, "band": 0, "left alone": 0}
    for seed in range(120):
        random = np.random.default_rng(seed)
        x = random.normal(size=(150, 10))
        death, censored = random.exponential(1000, 150), random.uniform(100, 2000, 150)
        of = {"time": np.ceil(np.minimum(death, censored)), "event": death <= censored}
        fold = random.permutation(150) % folds
        eta, group = np.zeros(150), np.zeros(150, dtype=bool)
        for k in range(folds):
            train, test = fold != k, fold == k
            known = {name: column[train] for name, column in of.items()}
            fit = cox_regression(covariates=x[train], **known)
            eta[test] = x[test] @ fit.coefficient
            group[test] = eta[test] > np.median(x[train] @ fit.coefficient)
        parts = [
            Scored(eta[fold == k], of["event"][fold == k], of["time"][fold == k])
            for k in range(folds)
        ]
        deals = {"permutations": 99, "seed": seed}
        share = 1 / (folds - 1)
        rejected["plain"] += logrank(**of, group=group).value <= 0.05
        split = permutation_logrank(**of, group=group, fold=fold, test_share=share, **deals)
        rejected["group"] += split.value <= 0.05
        rejected["band"] += null_band(parts, test_share=share, **deals).p <= 0.05
        rejected["left alone"] += null_band(parts, test_share=0, **deals).p <= 0.05
    error = math.sqrt(0.05 * 0.95 * 120)
    for name in ("group", "band"):
        assert rejected[name] <= 6 + 2 * error, rejected
    assert rejected["plain"] > 6 + 3 * error, rejected
    assert rejected["left alone"] > rejected["band"], rejected

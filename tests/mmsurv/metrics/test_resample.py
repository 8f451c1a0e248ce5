from __future__ import annotations

import math

import numpy as np
import pytest

from mmsurv.metrics.functional import comparable_pairs, concordance, pooled_concordance
from mmsurv.metrics.held_out import HeldOut
from mmsurv.metrics.resample import bootstrap, paired_difference, percentile_interval

GRID = np.array([1.0, 2.0])
HORIZONS = {"2d": 2.0}


def cohort(seed: int, n: int = 90) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    eta = random.normal(size=n)
    death, censored = random.exponential(2 * np.exp(-eta)), random.uniform(0, 8, size=n)
    return eta, death <= censored, np.minimum(death, censored) + 1e-6


def folds_of(
    seed: int, *, n: int = 90, k: int = 3, noise: float = 0.0, repeats: int = 1
) -> list[HeldOut]:
    eta, event, time = cohort(seed, n)
    random = np.random.default_rng(seed + 1000)
    folds = []
    for repeat in range(repeats):
        score = eta + noise * random.normal(size=n)
        member = np.roll(np.arange(n), 7 * repeat * repeat) % k
        for fold in range(k):
            rows = np.flatnonzero(member == fold)
            folds.append(
                HeldOut(
                    patient_id=[f"P{i}" for i in rows],
                    log_hazard=score[rows],
                    event=event[rows],
                    time=time[rows],
                    survival=np.exp(-np.outer(np.exp(score[rows]), GRID / 2)),
                    high=score[rows] > 0,
                    train_event=np.delete(event, rows),
                    train_time=np.delete(time, rows),
                    repeat=repeat,
                )
            )
    return folds


def run_of(folds: list[HeldOut], **more: int) -> object:
    return bootstrap(folds, grid_days=GRID, horizons=HORIZONS, **{"resamples": 200, **more})


def test_values_are_means_over_folds_and_pairs_pooled() -> None:
    folds = folds_of(0)
    run = run_of(folds)
    c = [concordance(log_hazard=f.log_hazard, event=f.event, time=f.time).value for f in folds]
    pairs = [comparable_pairs(event=f.event, time=f.time) for f in folds]
    assert run.value["c_index"] == pytest.approx(np.mean(c))
    pooled = pooled_concordance(c_index=np.array(c), pairs=np.array(pairs)).value
    assert run.value["c_index_pooled"] == pytest.approx(pooled)
    assert pooled != pytest.approx(np.mean(c), abs=1e-6)


def test_every_fold_keeps_its_size_and_every_metric_has_an_interval() -> None:
    run = run_of(folds_of(1, n=150))
    for name, value in run.value.items():
        interval = percentile_interval(run, name)
        assert interval.reason == "", name
        assert interval.lower < interval.upper, name
        assert interval.value == value
        assert interval.lower < value < interval.upper, name
    narrow = percentile_interval(run, "c_index", level=0.5)
    wide = percentile_interval(run, "c_index")
    assert wide.lower < narrow.lower < narrow.upper < wide.upper


def test_the_order_of_patients_and_folds_draws_nobody_else() -> None:
    folds = folds_of(2)
    turned = [
        fold._replace(
            patient_id=fold.patient_id[::-1],
            **{
                name: getattr(fold, name)[::-1].copy()
                for name in ("log_hazard", "event", "time", "survival", "high")
            },
        )
        for fold in reversed(folds)
    ]
    one, other = run_of(folds), run_of(turned)
    assert one.key == other.key
    for name in one.draws:
        np.testing.assert_allclose(one.draws[name], other.draws[name], rtol=1e-6, equal_nan=True)


def test_a_pair_of_runs_is_compared_on_the_same_patients() -> None:
    good, bad = run_of(folds_of(3)), run_of(folds_of(3, noise=2.0))
    gain = paired_difference(good, bad, "c_index")
    assert gain.value == pytest.approx(good.value["c_index"] - bad.value["c_index"])
    assert gain.lower > 0
    assert gain.p == pytest.approx(2 / 201)
    loss = paired_difference(bad, good, "c_index")
    assert (loss.lower, loss.upper, loss.p) == pytest.approx((-gain.upper, -gain.lower, gain.p))
    assert paired_difference(good, good, "c_index")[:4] == (0.0, 0.0, 0.0, 1.0)
    # Pairing is worth it: unpaired draws differ more.
    unpaired = good.draws["c_index"] - np.roll(bad.draws["c_index"], 1)
    assert np.std(good.draws["c_index"] - bad.draws["c_index"]) < np.std(unpaired)


@pytest.mark.parametrize("change", [{"seed": 1}, {"resamples": 100}, {"n": 93}, {"k": 5}])
def test_runs_that_drew_other_patients_are_not_paired(change) -> None:
    drawn = {name: change.pop(name) for name in ("seed", "resamples") if name in change}
    with pytest.raises(ValueError, match="the runs cannot be paired"):
        paired_difference(run_of(folds_of(3)), run_of(folds_of(3, **change), **drawn), "c_index")


def test_repeats_share_their_patients() -> None:
    folds = folds_of(4, repeats=3)
    run = run_of(folds)
    single = run_of(folds[:3])
    c = [concordance(log_hazard=f.log_hazard, event=f.event, time=f.time).value for f in folds]
    assert run.value["c_index"] == pytest.approx(np.mean(c))
    # The repeats are of the same patients: their mean is not three times as certain.
    ratio = np.std(run.draws["c_index"]) / np.std(single.draws["c_index"])
    assert ratio > 0.8


def test_what_cannot_be_computed_has_no_value_and_says_so() -> None:
    folds = folds_of(5)
    none = folds[0]._replace(event=np.zeros_like(folds[0].event))
    run = run_of([none, *folds[1:]])
    interval = percentile_interval(run, "c_index")
    assert math.isnan(interval.value)
    assert interval.reason == "it cannot be computed in every fold"
    assert paired_difference(run, run_of([none, *folds[1:]]), "c_index").reason
    assert math.isfinite(percentile_interval(run, "hazard_ratio").upper)


def test_too_many_resamples_without_a_value_leave_no_interval() -> None:
    folds = folds_of(6)
    event = np.zeros_like(folds[0].event)
    event[np.argmin(folds[0].time)] = True  # drawn by 63 % of the resamples
    run = run_of([folds[0]._replace(event=event), *folds[1:]])
    interval = percentile_interval(run, "c_index")
    assert math.isfinite(interval.value)
    assert math.isnan(interval.lower)
    assert "of 200 resamples have no value" in interval.reason


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda folds: [], "at least one fold"),
        (lambda folds: [folds[0], folds[0]], "P0 is held out twice in one repeat"),
        (lambda folds: [folds[0], folds[1]._replace(repeat=1)], "P1 is not held out in the first"),
    ],
)
def test_folds_that_are_none_are_refused(change, message) -> None:
    with pytest.raises(ValueError, match=message):
        run_of(change(folds_of(0)))


def test_wrong_numbers_are_refused() -> None:
    with pytest.raises(ValueError, match="resamples must be at least 1"):
        run_of(folds_of(0), resamples=0)
    with pytest.raises(ValueError, match="level must be between 0 and 1"):
        percentile_interval(run_of(folds_of(0)), "c_index", level=95)


def of_ranks_alone(folds: list[HeldOut]) -> object:
    """Without horizons and risk groups, which take most of the time: what is left is ranks."""
    alone = [fold._replace(high=np.zeros_like(fold.high)) for fold in folds]
    return bootstrap(alone, grid_days=GRID, horizons={}, resamples=200)


def test_what_else_is_computed_moves_no_c_index() -> None:
    folds = folds_of(5000, n=300, k=5)
    alone, beside = of_ranks_alone(folds), run_of(folds)
    assert alone.value["c_index"] == beside.value["c_index"]
    assert (alone.draws["c_index"] == beside.draws["c_index"]).all()
    one, other = (percentile_interval(run, "c_index") for run in (alone, beside))
    assert one[:3] == other[:3]


@pytest.mark.slow
def test_intervals_hold_the_truth_as_often_as_they_say() -> None:
    eta, event, time = cohort(99, n=60_000)
    truth = concordance(log_hazard=eta, event=event, time=time).value
    held = 0
    for seed in range(5000, 5300):
        interval = percentile_interval(of_ranks_alone(folds_of(seed, n=300, k=5)), "c_index")
        held += interval.lower <= truth <= interval.upper
    assert 0.92 * 300 <= held <= 0.985 * 300

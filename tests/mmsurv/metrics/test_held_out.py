from __future__ import annotations

import numpy as np
import pytest

from mmsurv.metrics.functional import (
    auc_at,
    brier_curve,
    calibration_slope,
    concordance,
    hazard_ratio,
    integrated_accuracy,
    integrated_brier,
    observed_over_expected,
    restricted_mean_difference,
    uno_concordance,
)
from mmsurv.metrics.held_out import HeldOut, fold_draws, pooled_draws

GRID = np.array([2.0, 4.0, 6.0, 9.0])
HORIZONS = {"4d": 4.0, "9d": 9.0}


@pytest.fixture(params=[0, 1])
def fold(request, make_cohort) -> HeldOut:
    train = make_cohort(request.param, n=150, times=20, events=0.5)
    held = make_cohort(request.param + 5, n=60, times=20, events=0.5)
    return HeldOut(
        patient_id=[f"P{i}" for i in range(60)],
        log_hazard=held.log_hazard,
        event=held.event,
        time=held.time,
        survival=np.exp(-np.outer(np.exp(held.log_hazard), GRID / 12)),
        high=held.log_hazard > 0,
        train_event=train.event,
        train_time=train.time,
    )


def written_out(fold: HeldOut, counts: np.ndarray) -> HeldOut:
    rows = np.repeat(np.arange(len(counts)), counts.astype(int))
    columns = ("log_hazard", "event", "time", "survival", "high")
    return fold._replace(**{name: getattr(fold, name)[rows] for name in columns})


def by_the_pure_functions(fold: HeldOut) -> dict[str, float]:
    of = {"event": fold.event, "time": fold.time}
    known = {"train_event": fold.train_event, "train_time": fold.train_time}
    curve = {**of, **known, "survival": fold.survival, "at_days": GRID}
    values = {"c_index": concordance(log_hazard=fold.log_hazard, **of).value}
    for name, at in HORIZONS.items():
        at_horizon = {**of, "survival": fold.survival[:, at == GRID][:, 0], "at_days": at}
        one = {**curve, "survival": fold.survival[:, at == GRID], "at_days": np.array([at])}
        values |= {
            f"c_uno_{name}": uno_concordance(
                log_hazard=fold.log_hazard, **of, **known, until=at
            ).value,
            f"auc_{name}": auc_at(log_hazard=fold.log_hazard, **of, **known, at_days=at).value,
            f"brier_{name}": float(brier_curve(**curve)[at == GRID][0]),
            f"ibs_{name}": integrated_brier(**curve, until_days=at).value,
            # Over one time the integrated index is that of the time.
            f"ipa_{name}": integrated_accuracy(**one, until_days=at).value,
            f"integrated_ipa_{name}": integrated_accuracy(**curve, until_days=at).value,
            f"calibration_slope_{name}": calibration_slope(
                log_hazard=fold.log_hazard, **of, until=at
            ).value,
            f"observed_expected_{name}": observed_over_expected(**at_horizon).value,
        }
    return values


def test_every_metric_equals_its_pure_function_in_every_resample(fold) -> None:
    drawn = np.random.default_rng(0).multinomial(60, np.full(60, 1 / 60), size=3)
    counts = np.concatenate([np.ones((1, 60)), drawn])
    metrics = fold_draws(fold, counts=counts, grid_days=GRID, horizons=HORIZONS).metrics
    for r, row in enumerate(counts):
        expected = by_the_pure_functions(written_out(fold, row))
        ours = {name: float(values[r]) for name, values in metrics.items()}
        assert ours == pytest.approx(expected, abs=2e-6, nan_ok=True)


def test_groups_of_all_folds_are_compared_together(fold) -> None:
    drawn = np.random.default_rng(1).multinomial(60, np.full(60, 1 / 60), size=3).astype(float)
    turned = fold._replace(high=~fold.high[::-1], time=fold.time[::-1].copy())
    draws = pooled_draws([fold, turned], counts=[drawn, drawn[::-1]], horizons=HORIZONS)
    for r in range(3):
        parts = [written_out(fold, drawn[r]), written_out(turned, drawn[::-1][r])]
        event, time, high = (
            np.concatenate([getattr(part, name) for part in parts])
            for name in ("event", "time", "high")
        )
        ratio = hazard_ratio(event=event, time=time, group=high)
        assert np.exp(draws["log_hazard_ratio"][r]) == pytest.approx(ratio.value)
        difference = restricted_mean_difference(event=event, time=time, group=high, until=9.0)
        assert draws["rmst_difference_9d"][r] == pytest.approx(difference.value)


def test_beyond_the_training_follow_up_weighted_metrics_are_nan(fold) -> None:
    short = fold._replace(train_time=np.minimum(fold.train_time, 8.0))
    metrics = fold_draws(short, counts=np.ones((1, 60)), grid_days=GRID, horizons=HORIZONS).metrics
    for name in ("c_uno", "auc", "brier", "ibs", "ipa", "integrated_ipa"):
        assert np.isfinite(metrics[f"{name}_4d"]).all(), name
        assert np.isnan(metrics[f"{name}_9d"]).all(), name


def test_a_horizon_off_the_grid_is_refused(fold) -> None:
    with pytest.raises(ValueError, match="horizon 5 is not in grid_days"):
        fold_draws(fold, counts=np.ones((1, 60)), grid_days=GRID, horizons={"5d": 5.0})

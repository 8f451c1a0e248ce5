from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch

from mmsurv.metrics import CalibrationSlope, DCalibration, PredictionAccuracy
from mmsurv.metrics.functional import (
    calibration_slope,
    d_calibration,
    integrated_accuracy,
    survival_when_last_seen,
)
from mmsurv.survival import fit_baseline, survival_probability

AT = 6.0
GRID = np.linspace(0, AT, 21)[1:]


@pytest.fixture
def train(make_cohort) -> Any:
    return make_cohort(0, n=150)


@pytest.fixture
def scored(make_cohort) -> Any:
    return make_cohort(1, n=90)


def in_batches(metric: Any, cohort: Any, size: int = 12) -> float:
    for begin in range(0, 90, size):
        part = cohort.part(slice(begin, begin + size))._asdict()
        metric.update(**{name: torch.tensor(column) for name, column in part.items()})
    return float(metric.compute())


def fitted(kind: type, train: Any) -> Any:
    metric = kind(train_event=train.event.tolist(), train_time_days=train.time.tolist(), at_days=AT)
    metric.fit(**{name: torch.tensor(column) for name, column in train._asdict().items()})
    return metric


def predicted(train: Any, scored: Any) -> np.ndarray:
    baseline = fit_baseline(**train._asdict())
    return survival_probability(baseline, log_hazard=scored.log_hazard, at_days=GRID)


def test_accuracy_of_batches_is_that_of_the_set(train, scored) -> None:
    expected = integrated_accuracy(
        survival=predicted(train, scored),
        event=scored.event,
        time=scored.time,
        train_event=train.event,
        train_time=train.time,
        at_days=GRID,
        until_days=AT,
    )
    assert in_batches(fitted(PredictionAccuracy, train), scored) == pytest.approx(
        expected.value, abs=1e-6
    )


def test_d_calibration_of_batches_is_that_of_the_set(train, scored) -> None:
    own, seen = survival_when_last_seen(
        survival=predicted(train, scored), time=scored.time, event=scored.event, at_days=GRID
    )
    expected = d_calibration(survival_at_end=own, event=seen).p
    metric = fitted(DCalibration, train)
    assert in_batches(metric, scored) == pytest.approx(expected, abs=1e-6)
    assert metric.reason == ""


def test_slope_of_batches_is_that_of_the_set(scored) -> None:
    expected = calibration_slope(**scored._asdict(), until=AT).value
    metric = CalibrationSlope(until_days=AT)
    assert in_batches(metric, scored) == pytest.approx(expected, abs=1e-6)
    assert metric.higher_is_better is None


@pytest.mark.parametrize("kind", [PredictionAccuracy, DCalibration])
def test_probabilities_need_a_baseline(kind, train, scored) -> None:
    metric = kind(train_event=train.event.tolist(), train_time_days=train.time.tolist(), at_days=AT)
    assert math.isnan(in_batches(metric, scored))
    assert "no baseline" in metric.reason


def test_without_events_they_are_nan_with_a_reason(train, scored) -> None:
    alive = scored._replace(event=np.zeros(90, dtype=bool))
    for metric in (
        fitted(PredictionAccuracy, train),
        fitted(DCalibration, train),
        CalibrationSlope(until_days=AT),
    ):
        assert math.isnan(in_batches(metric, alive))
        assert "no event" in metric.reason

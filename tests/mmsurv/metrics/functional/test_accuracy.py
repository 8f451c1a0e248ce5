from __future__ import annotations

import math

import numpy as np
import pytest
from sksurv.metrics import brier_score
from sksurv.nonparametric import kaplan_meier_estimator
from sksurv.util import Surv

from mmsurv.metrics.functional import (
    accuracy_at,
    accuracy_curve,
    integrated_accuracy,
    null_survival,
)


@pytest.fixture
def arguments(split, horizons) -> dict[str, np.ndarray]:
    risk = np.exp(split.pop("log_hazard"))
    hazard = np.linspace(0.2, 1.2, len(horizons))
    return split | {"survival": np.exp(-np.outer(risk, hazard)), "at_days": horizons}


def test_equals_risk_regression_of_r(golden, golden_prediction, golden_table) -> None:
    event = golden_table["event"].to_numpy() == 1
    time = golden_table["untied"].to_numpy(dtype=float)
    curve = accuracy_curve(
        survival=np.array(golden["brier"]["survival"]),
        event=event,
        time=time,
        train_event=event,
        train_time=time,
        at_days=np.array(golden_prediction["time"], dtype=float),
    )
    np.testing.assert_allclose(curve, golden_prediction["accuracy"], atol=1e-6)


def test_equals_the_ratio_of_scikit_survival(arguments) -> None:
    train = Surv.from_arrays(arguments["train_event"], arguments["train_time"])
    scored = Surv.from_arrays(arguments["event"], arguments["time"])
    at = arguments["at_days"]
    when, curve = kaplan_meier_estimator(arguments["train_event"], arguments["train_time"])
    step = np.searchsorted(when, at, side="right") - 1
    null = np.tile(np.append(curve, 1.0)[step], (len(arguments["time"]), 1))
    own = brier_score(train, scored, arguments["survival"], at)[1]
    ratio = 1 - own / brier_score(train, scored, null, at)[1]
    np.testing.assert_allclose(accuracy_curve(**arguments), ratio, atol=1e-5)


def test_kaplan_meier_itself_has_no_accuracy(arguments) -> None:
    known = {name: arguments[name] for name in ("train_event", "train_time", "at_days")}
    arguments["survival"] = null_survival(**known, patients=len(arguments["time"]))
    np.testing.assert_allclose(accuracy_curve(**arguments), 0.0, atol=1e-12)
    until = arguments["at_days"][-1]
    assert integrated_accuracy(**arguments, until_days=until).value == pytest.approx(0.0)


def test_the_truth_is_fully_accurate(arguments) -> None:
    arguments["survival"] = (arguments["time"][:, None] > arguments["at_days"]).astype(float)
    assert accuracy_curve(**arguments)[-1] == pytest.approx(1.0)
    until = arguments["at_days"][-1]
    assert integrated_accuracy(**arguments, until_days=until).value == pytest.approx(1.0)


def test_where_there_is_no_brier_score_there_is_no_accuracy(arguments) -> None:
    beyond = arguments | {"at_days": arguments["at_days"] + arguments["train_time"].max()}
    assert np.isnan(accuracy_curve(**beyond)).all()
    result = integrated_accuracy(**beyond, until_days=beyond["at_days"][0])
    assert math.isnan(result.value)
    assert "follow-up" in result.reason


def test_a_curve_without_error_leaves_nothing_to_compare_with() -> None:
    result = integrated_accuracy(
        survival=np.full((3, 1), 0.9),
        event=np.array([False, False, True]),
        time=np.array([2.0, 3.0, 4.0]),
        train_event=np.array([False, True]),
        train_time=np.array([2.0, 9.0]),
        at_days=np.array([1.0]),
        until_days=1.0,
    )
    assert math.isnan(result.value)
    assert "no error" in result.reason


def test_at_one_time_it_is_a_point_of_the_curve(arguments) -> None:
    curve = accuracy_curve(**arguments)
    for k, at in enumerate(arguments["at_days"]):
        one = arguments | {"survival": arguments["survival"][:, k], "at_days": at}
        assert accuracy_at(**one).value == pytest.approx(curve[k], abs=1e-9)
    assert "follow-up" in accuracy_at(**one | {"at_days": 1e6}).reason

from __future__ import annotations

import math

import numpy as np
import pytest
from sksurv.metrics import brier_score, integrated_brier_score
from sksurv.util import Surv

from mmsurv.metrics.functional import brier_at, brier_curve, brier_terms, integrated_brier

SMALL = {
    "event": np.array([True, False, True]),
    "time": np.array([1.0, 2.0, 3.0]),
    "train_event": np.array([True, True]),
    "train_time": np.array([1.0, 9.0]),
}


@pytest.fixture
def arguments(split, horizons) -> dict[str, np.ndarray]:
    """The split with survival probabilities that fall with risk and time."""
    risk = np.exp(split.pop("log_hazard"))
    hazard = np.linspace(0.2, 1.2, len(horizons))
    return split | {"survival": np.exp(-np.outer(risk, hazard)), "at_days": horizons}


def test_equals_scikit_survival(arguments) -> None:
    train = Surv.from_arrays(arguments["train_event"], arguments["train_time"])
    scored = Surv.from_arrays(arguments["event"], arguments["time"])
    predicted, at = arguments["survival"], arguments["at_days"]
    _, theirs = brier_score(train, scored, predicted, at)
    curve = brier_curve(**arguments)
    np.testing.assert_allclose(curve, theirs, atol=1e-6)
    # scikit-survival integrates from the first time of the grid; the rest is a triangle from 0.
    inner = integrated_brier_score(train, scored, predicted, at) * (at[-1] - at[0])
    ours = integrated_brier(**arguments, until_days=at[-1])
    assert ours.value == pytest.approx((inner + at[0] * theirs[0] / 2) / at[-1], abs=1e-6)


def test_equals_r_without_ties(golden, golden_table) -> None:
    event = golden_table["event"].to_numpy() == 1
    time = golden_table["untied"].to_numpy(dtype=float)
    curve = brier_curve(
        survival=np.array(golden["brier"]["survival"]),
        event=event,
        time=time,
        train_event=event,
        train_time=time,
        at_days=np.array(golden["brier"]["time"], dtype=float),
    )
    np.testing.assert_allclose(curve, golden["brier"]["score"], rtol=2e-6)


def test_a_prediction_of_one_half_scores_a_quarter_without_censoring() -> None:
    everybody = np.ones(4, dtype=bool)
    time = np.array([1.0, 2.0, 3.0, 4.0])
    arguments = {
        "survival": np.full((4, 3), 0.5),
        "event": everybody,
        "time": time,
        "train_event": everybody,
        "train_time": time,
        "at_days": np.array([0.5, 2.0, 3.5]),
    }
    assert brier_curve(**arguments).tolist() == [0.25, 0.25, 0.25]
    exact = (0.5 * 0.25 / 2 + (3.5 - 0.5) * 0.25) / 3.5
    assert integrated_brier(**arguments, until_days=3.5).value == pytest.approx(exact, rel=1e-6)


def test_the_truth_scores_zero() -> None:
    data = {**SMALL, "event": np.ones(3, dtype=bool)}
    at = np.array([0.5, 1.5, 2.5])
    truth = (data["time"][:, None] > at).astype(float)
    assert brier_curve(**data, survival=truth, at_days=at).tolist() == [0.0, 0.0, 0.0]
    assert integrated_brier(**data, survival=truth, at_days=at, until_days=2.5).value == 0.0


def test_the_grid_beyond_the_horizon_is_not_read(arguments) -> None:
    at = arguments["at_days"]
    score = integrated_brier(**arguments, until_days=at[1])
    arguments["survival"][:, 2:] = 0.123
    assert integrated_brier(**arguments, until_days=at[1]) == score
    assert integrated_brier(**arguments, until_days=at[2]) != score


def test_times_beyond_the_follow_up_are_nan() -> None:
    curve = brier_curve(**SMALL, survival=np.full((3, 3), 0.5), at_days=np.array([2.9, 3.0, 10.0]))
    assert np.isnan(curve).tolist() == [False, True, True]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"event": np.zeros(3, dtype=bool)}, "no event among the patients"),
        ({"train_event": np.zeros(2, dtype=bool)}, "no event among the training patients"),
        ({"train_time": np.array([1.0, 2.0])}, "follow-up of the training patients ends"),
        ({"time": np.array([1.0, 2.0, 2.5])}, "follow-up of the scored patients ends"),
    ],
)
def test_what_cannot_be_computed_is_nan_with_a_reason(change, reason) -> None:
    data = SMALL | change | {"survival": np.full((3, 1), 0.5), "at_days": np.array([2.5])}
    result = integrated_brier(**data, until_days=2.5)
    assert math.isnan(result.value)
    assert reason in result.reason
    assert np.isnan(brier_curve(**data)).all()


@pytest.mark.parametrize("n", [0, 1])
def test_one_patient_and_no_patient_are_nan_with_a_reason(n) -> None:
    result = integrated_brier(
        survival=np.full((n, 1), 0.5),
        event=np.ones(n, dtype=bool),
        time=np.ones(n),
        train_event=SMALL["train_event"],
        train_time=SMALL["train_time"],
        at_days=np.array([2.0]),
        until_days=2.0,
    )
    assert math.isnan(result.value)
    assert result.reason


def test_one_patient_within_the_follow_up_has_a_score() -> None:
    curve = brier_curve(
        survival=np.array([[0.25]]),
        event=np.array([True]),
        time=np.array([2.0]),
        train_event=SMALL["train_event"],
        train_time=SMALL["train_time"],
        at_days=np.array([1.0]),
    )
    assert curve.tolist() == [0.75**2]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"survival": np.full((3, 2), 1.1)}, "survival must be probabilities, got values from 1.1"),
        ({"survival": np.full((3, 2), np.nan)}, "survival must be finite, row 0 is nan"),
        ({"survival": np.full((3, 1), 0.5)}, r"patients by times \(3, 2\), got \(3, 1\)"),
        ({"survival": np.full((2, 2), 0.5)}, r"must have 3 rows, one a patient"),
        ({"at_days": np.array([2.0, 1.0])}, "at_days must be positive and increasing"),
        ({"at_days": np.array([0.0, 1.0])}, "at_days must be positive and increasing"),
        ({"at_days": np.array([1.0, 2.5])}, "until_days=2 is not in at_days"),
        ({"time": np.array([0.0, 1.0, 2.0])}, "time must be positive and finite, row 0 is 0.0"),
        ({"train_time": np.array([1.0, np.nan])}, "training time must be .* finite, row 1 is nan"),
    ],
)
def test_wrong_arguments_are_named(change, message) -> None:
    good = {"survival": np.full((3, 2), 0.5), "at_days": np.array([1.0, 2.0])}
    assert integrated_brier(**SMALL | good, until_days=2.0).reason == ""
    with pytest.raises(ValueError, match=message):
        integrated_brier(**SMALL | good | change, until_days=2.0)


def test_rounding_of_a_table_is_forgiven() -> None:
    data = SMALL | {"survival": np.full((3, 1), 1 + 1e-7), "at_days": np.array([2.000001])}
    assert math.isfinite(integrated_brier(**data, until_days=2.0).value)


def test_the_terms_average_to_the_curve(arguments) -> None:
    terms = brier_terms(**arguments)
    np.testing.assert_allclose(terms.mean(axis=0), brier_curve(**arguments), atol=1e-6)
    beyond = arguments | {"at_days": arguments["at_days"] + arguments["train_time"].max()}
    assert np.isnan(brier_terms(**beyond)).all()


def test_at_one_time_it_is_a_point_of_the_curve(arguments) -> None:
    curve = brier_curve(**arguments)
    for k, at in enumerate(arguments["at_days"]):
        one = arguments | {"survival": arguments["survival"][:, k], "at_days": at}
        assert brier_at(**one).value == pytest.approx(curve[k], abs=1e-6)
    assert "follow-up" in brier_at(**one | {"at_days": 1e6}).reason
    assert "no event" in brier_at(**one | {"event": np.zeros_like(one["event"])}).reason

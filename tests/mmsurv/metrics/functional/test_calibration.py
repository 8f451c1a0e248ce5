from __future__ import annotations

import math

import numpy as np
import pytest

from mmsurv.metrics.functional import (
    calibration_curve,
    calibration_slope,
    kaplan_meier,
    observed_over_expected,
)


@pytest.fixture
def simulated() -> dict[str, np.ndarray]:
    """Predictions that are true, of 3,000 patients."""
    random = np.random.default_rng(0)
    eta = random.normal(size=3000)
    death, censored = random.exponential(np.exp(-eta)), random.exponential(3.0, size=3000)
    return {
        "eta": eta,
        "survival": np.exp(-0.5 * np.exp(eta)),
        "event": death <= censored,
        "time": np.minimum(death, censored) + 1e-9,
    }


def of(data: dict[str, np.ndarray], *names: str) -> dict[str, np.ndarray]:
    return {name: data[name] for name in names}


def test_curve_equals_r(golden, golden_cohort) -> None:
    theirs = golden["calibration"]
    curve = calibration_curve(
        survival=1 - np.array(theirs["risk"]),
        event=golden_cohort.event,
        time=golden_cohort.time,
        at_days=theirs["until"],
    )
    np.testing.assert_allclose(curve.predicted, theirs["predicted"], rtol=1e-10)
    assert curve.patients.tolist() == theirs["patients"]
    # R holds the curve of the last fifth beyond its follow-up; we do not.
    for ours, wanted in (
        (curve.observed, "observed"),
        (curve.lower, "lower"),
        (curve.upper, "upper"),
    ):
        np.testing.assert_allclose(ours[:4], theirs[wanted][:4], rtol=1e-6)
        assert math.isnan(ours[4])


def test_slope_equals_r(golden, golden_cohort) -> None:
    theirs = golden["slope"]
    slope = calibration_slope(**golden_cohort._asdict(), until=theirs["until"])
    assert slope.value == pytest.approx(theirs["coefficient"], rel=1e-8)
    half = 1.959963985 * math.sqrt(theirs["variance"])
    assert (slope.lower, slope.upper) == pytest.approx((slope.value - half, slope.value + half))


def test_true_predictions_lie_on_the_diagonal(simulated) -> None:
    data = of(simulated, "survival", "event", "time")
    curve = calibration_curve(**data, at_days=0.5, groups=10)
    inside = (curve.lower <= curve.predicted) & (curve.predicted <= curve.upper)
    assert inside.sum() >= 8
    assert (np.diff(curve.predicted) > 0).all()
    assert curve.patients.sum() == 3000
    ratio = observed_over_expected(**data, at_days=0.5)
    assert ratio.lower < 1 < ratio.upper
    doubled = observed_over_expected(**data | {"survival": simulated["survival"] ** 3}, at_days=0.5)
    assert doubled.upper < 1


def test_slope_shows_by_how_much_predictions_are_too_extreme(simulated) -> None:
    data = of(simulated, "event", "time")
    true = calibration_slope(log_hazard=simulated["eta"], **data, until=0.5)
    assert true.lower < 1 < true.upper
    extreme = calibration_slope(log_hazard=3 * simulated["eta"], **data, until=0.5)
    assert extreme.value == pytest.approx(true.value / 3)
    assert extreme.p < 1e-9
    noise = np.random.default_rng(1).normal(size=3000)
    assert abs(calibration_slope(log_hazard=noise, **data, until=0.5).value) < 0.1


def test_what_happens_after_the_horizon_does_not_count(simulated) -> None:
    late = simulated["time"] > 0.5
    turned = simulated | {"event": np.where(late, ~simulated["event"], simulated["event"])}
    for data in (simulated, turned):
        data["log_hazard"] = data["eta"]
    names = ("log_hazard", "event", "time")
    one, other = (calibration_slope(**of(d, *names), until=0.5) for d in (simulated, turned))
    assert one == other


def test_one_group_is_the_whole_and_equal_predictions_stay_together(make_cohort) -> None:
    cohort = make_cohort(0)
    data = {"event": cohort.event, "time": cohort.time, "at_days": 5.0}
    survival = np.full(120, 0.7)
    for groups in (1, 4):
        curve = calibration_curve(survival=survival, **data, groups=groups)
        assert curve.patients.tolist() == [120]
    whole = kaplan_meier(event=cohort.event, time=cohort.time)
    assert curve.observed[0] == pytest.approx(1 - whole.survival[whole.time <= 5.0][-1])
    assert observed_over_expected(survival=survival, **data).value == pytest.approx(
        curve.observed[0] / 0.3
    )


def test_what_cannot_be_computed_is_nan_with_a_reason() -> None:
    data = {"event": np.array([True, False]), "time": np.array([1.0, 2.0])}
    late = observed_over_expected(survival=np.array([0.5, 0.5]), **data, at_days=3.0)
    assert "nobody is followed to 3" in late.reason
    sure = observed_over_expected(survival=np.ones(2), **data, at_days=1.5)
    assert "no risk is predicted" in sure.reason
    early = calibration_slope(log_hazard=np.array([0.0, 1.0]), **data, until=0.5)
    assert "no event by 0.5" in early.reason
    equal = calibration_slope(log_hazard=np.zeros(2), **data, until=1.5)
    assert "all log hazards are equal" in equal.reason
    nobody = {"event": np.array([], dtype=bool), "time": np.array([])}
    assert observed_over_expected(survival=np.array([]), **nobody, at_days=1.0).reason
    assert len(calibration_curve(survival=np.array([]), **nobody, at_days=1.0).predicted) == 0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"survival": np.array([1.5])}, "must be in"),
        ({"survival": np.array([[0.5]])}, "must be one column"),
        ({"at_days": 0.0}, "at_days must be positive"),
        ({"groups": 0}, "groups must be at least 1"),
    ],
)
def test_wrong_arguments_are_named(change, message) -> None:
    good = {
        "survival": np.array([0.5]),
        "event": np.array([True]),
        "time": np.array([1.0]),
        "at_days": 1.0,
    }
    with pytest.raises(ValueError, match=message):
        calibration_curve(**good | change)

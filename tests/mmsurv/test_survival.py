from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from lifelines import CoxPHFitter
from sksurv.linear_model.coxph import BreslowEstimator

from mmsurv.survival import (
    Baseline,
    fit_baseline,
    risk_cut,
    risk_group,
    survival_probability,
)

# lifelines 0.30.0, the last release that allows pandas 3, speaks of pandas 4.
lifelines_and_pandas = pytest.mark.filterwarnings("ignore:Starting with pandas version 4.0")


def at(baseline: Baseline, days: np.ndarray) -> np.ndarray:
    """Cumulative hazard at log hazard 0."""
    survival = survival_probability(baseline, log_hazard=np.zeros(1), at_days=days)
    return -np.log(survival[0])


def test_baseline_equals_that_of_r(golden, golden_cohort) -> None:
    baseline = fit_baseline(**golden_cohort._asdict())
    np.testing.assert_allclose(
        at(baseline, np.array(golden["baseline"]["time"], dtype=float)),
        golden["baseline"]["cumulative_hazard"],
        rtol=1e-9,
    )


@pytest.mark.parametrize("times", [5, 30, 3000])
def test_baseline_equals_that_of_scikit_survival(times, make_cohort) -> None:
    cohort = make_cohort(0, times=times)
    theirs = BreslowEstimator().fit(cohort.log_hazard, cohort.event, cohort.time)
    reference = theirs.cum_baseline_hazard_
    baseline = fit_baseline(**cohort._asdict())
    np.testing.assert_allclose(at(baseline, reference.x), reference.y, rtol=1e-10)


@lifelines_and_pandas
def test_survival_curves_equal_those_of_lifelines(make_cohort) -> None:
    cohort = make_cohort(1, n=150, times=25)
    table = pd.DataFrame(
        {"x": np.random.default_rng(0).normal(size=150), "t": cohort.time, "e": cohort.event}
    )
    fitter = CoxPHFitter().fit(table, "t", "e")
    log_hazard = table["x"].to_numpy() * fitter.params_["x"]
    baseline = fit_baseline(log_hazard=log_hazard, event=cohort.event, time=cohort.time)
    days = np.arange(1.0, 26.0)
    theirs = fitter.predict_survival_function(table, times=days).to_numpy().T
    ours = survival_probability(baseline, log_hazard=log_hazard, at_days=days)
    np.testing.assert_allclose(ours, theirs, atol=1e-10)


@pytest.mark.parametrize("shift", [-1000.0, -10.0, 15.0, 1000.0])
def test_the_origin_of_log_hazards_is_free(shift, make_cohort) -> None:
    cohort = make_cohort(2)
    days = np.arange(0.0, 25.0)
    plain = survival_probability(
        fit_baseline(**cohort._asdict()), log_hazard=cohort.log_hazard, at_days=days
    )
    moved = cohort._replace(log_hazard=cohort.log_hazard + shift)
    shifted = survival_probability(
        fit_baseline(**moved._asdict()), log_hazard=moved.log_hazard, at_days=days
    )
    np.testing.assert_allclose(shifted, plain, atol=1e-11)


def test_survival_is_one_at_first_falls_with_time_and_risk_and_holds_its_last_value(
    make_cohort,
) -> None:
    cohort = make_cohort(3)
    baseline = fit_baseline(**cohort._asdict())
    first, last = baseline.time_days[1], baseline.time_days[-1]
    days = np.array([0.0, first / 2, first, last, last * 100])
    survival = survival_probability(baseline, log_hazard=np.sort(cohort.log_hazard), at_days=days)
    assert survival.shape == (120, 5)
    assert survival.dtype == np.float64
    assert (survival[:, :2] == 1).all()
    assert (survival[:, 2] < 1).all()
    assert (survival[:, 3] == survival[:, 4]).all()
    assert (np.diff(survival, axis=0) <= 0).all()


@pytest.mark.parametrize("spread", [300.0, 2000.0])
def test_a_diverging_spread_gives_probabilities_not_nan(spread) -> None:
    baseline = fit_baseline(
        log_hazard=np.array([-spread, 0.0, spread]),
        event=np.ones(3, dtype=bool),
        time=np.array([3.0, 1.0, 2.0]),
    )
    survival = survival_probability(
        baseline, log_hazard=np.array([-spread, spread]), at_days=np.array([0.0, 2.0, 3.0])
    )
    assert survival[0].tolist()[:2] == [1.0, 1.0]
    assert survival[1, 2] == 0.0
    assert ((survival >= 0) & (survival <= 1)).all()
    if spread == 300.0:
        assert survival[1, 1] == pytest.approx(np.exp(-2))
        assert survival[0, 2] == pytest.approx(np.exp(-1))


def test_calibration_total_hazard_equals_the_number_of_events(make_cohort) -> None:
    cohort = make_cohort(4)
    survival = survival_probability(
        fit_baseline(**cohort._asdict()), log_hazard=cohort.log_hazard, at_days=cohort.time
    )
    assert -np.log(np.diag(survival)).sum() == pytest.approx(cohort.event.sum(), rel=1e-10)


def test_a_baseline_survives_a_checkpoint_to_the_last_bit(tmp_path: Path, make_cohort) -> None:
    baseline = fit_baseline(**make_cohort(5)._asdict())
    torch.save(baseline.to_state(), tmp_path / "state.pt")
    again = Baseline.from_state(torch.load(tmp_path / "state.pt", weights_only=True))
    assert again.center == baseline.center
    np.testing.assert_array_equal(again.time_days, baseline.time_days)
    np.testing.assert_array_equal(again.cumulative_hazard, baseline.cumulative_hazard)


def test_half_of_the_training_patients_are_at_high_risk() -> None:
    training = np.random.default_rng(0).normal(size=101)
    cut = risk_cut(training)
    assert risk_group(training, cut).sum() == 50
    assert risk_group(np.array([cut, np.nextafter(cut, 9)]), cut).tolist() == [False, True]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"event": np.zeros(3, dtype=bool)}, "at least one event among the training patients"),
        ({"log_hazard": np.array([0.0, np.inf, 0.0])}, "log_hazard must be finite, row 1 is inf"),
        ({"time": np.array([1.0, 2.0, 0.0])}, "row 2 is 0.0: exclude that patient"),
    ],
)
def test_a_baseline_refuses_what_it_cannot_use(change, message) -> None:
    good = {
        "log_hazard": np.zeros(3),
        "event": np.ones(3, dtype=bool),
        "time": np.array([1.0, 2.0, 3.0]),
    }
    with pytest.raises(ValueError, match=message):
        fit_baseline(**good | change)


def test_predictions_refuse_what_they_cannot_use() -> None:
    baseline = Baseline(np.array([0.0]), np.array([0.0]), 0.0)
    one = np.zeros(1)
    with pytest.raises(ValueError, match=r"at_days must not be negative, got -1\.0"):
        survival_probability(baseline, log_hazard=one, at_days=np.array([2.0, -1.0]))
    with pytest.raises(ValueError, match="log_hazard must be finite"):
        survival_probability(baseline, log_hazard=one * np.nan, at_days=one)
    with pytest.raises(ValueError, match="log_hazard must be finite"):
        risk_group(np.array([np.nan]), 0.0)
    with pytest.raises(ValueError, match="at least one training patient"):
        risk_cut(np.zeros(0))

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from lifelines import CoxPHFitter

from mmsurv.metrics.functional import cox_regression, hazard_ratio


def test_equals_r_with_several_covariates_and_ties(golden, golden_table) -> None:
    table = golden_table.astype(float)
    covariates = np.column_stack([table["log_hazard"], table["group"], table["log_hazard"] ** 2])
    fit = cox_regression(
        covariates=covariates, event=table["event"].to_numpy() == 1, time=table["time"].to_numpy()
    )
    theirs = golden["several"]
    np.testing.assert_allclose(fit.coefficient, theirs["coefficient"], rtol=1e-8)
    np.testing.assert_allclose(fit.covariance, theirs["covariance"], rtol=1e-8)
    assert fit.log_likelihood == pytest.approx(theirs["log_likelihood"], rel=1e-12)
    assert fit.null_log_likelihood == pytest.approx(theirs["null_log_likelihood"], rel=1e-12)


def test_hazard_ratio_equals_r(golden, golden_table) -> None:
    ratio = hazard_ratio(
        event=golden_table["event"].to_numpy() == 1,
        time=golden_table["time"].to_numpy(dtype=float),
        group=golden_table["group"].to_numpy() == 1,
    )
    theirs = golden["hazard_ratio"]
    error = math.sqrt(theirs["covariance"][0][0])
    assert math.log(ratio.value) == pytest.approx(theirs["coefficient"], rel=1e-8)
    assert math.log(ratio.upper / ratio.value) == pytest.approx(1.959963985 * error, rel=1e-8)


@pytest.mark.filterwarnings("ignore:Starting with pandas version 4")  # lifelines 0.30
@pytest.mark.parametrize("seed", range(3))
def test_equals_lifelines(seed, make_cohort) -> None:
    cohort = make_cohort(seed, times=[5, 30, 2000][seed])
    table = pd.DataFrame(cohort._asdict()).assign(other=np.random.default_rng(seed).random(120))
    fitted = CoxPHFitter().fit(table, "time", "event")
    fit = cox_regression(
        covariates=table[["log_hazard", "other"]].to_numpy(), event=cohort.event, time=cohort.time
    )
    np.testing.assert_allclose(fit.coefficient, fitted.params_, rtol=1e-5)
    np.testing.assert_allclose(np.sqrt(np.diag(fit.covariance)), fitted.standard_errors_, rtol=1e-5)
    ours, p = fit.estimate(1), fitted.summary.loc["other", "p"]
    assert ours.p == pytest.approx(p, rel=1e-4)


def test_exchanging_the_groups_inverts_the_ratio(make_cohort) -> None:
    cohort = make_cohort(3)
    group = cohort.log_hazard > 0
    one = hazard_ratio(event=cohort.event, time=cohort.time, group=group)
    other = hazard_ratio(event=cohort.event, time=cohort.time, group=~group)
    assert one[:4] == pytest.approx((1 / other.value, 1 / other.upper, 1 / other.lower, other.p))


@pytest.mark.parametrize("scale", [1e-6, 1e6])
@pytest.mark.parametrize("shift", [0.0, 1e5])
def test_units_and_origin_of_a_covariate_do_not_matter(scale, shift, make_cohort) -> None:
    cohort = make_cohort(5)
    data = {"event": cohort.event, "time": cohort.time}
    plain = cox_regression(covariates=cohort.log_hazard[:, None], **data)
    moved = cox_regression(covariates=(cohort.log_hazard[:, None] + shift) * scale, **data)
    assert moved.coefficient * scale == pytest.approx(plain.coefficient, rel=1e-5)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"event": np.zeros(6, dtype=bool)}, "no event"),
        ({"covariates": np.ones((6, 1))}, "covariate 0 is the same for everybody"),
        ({"covariates": np.tile(np.arange(6.0)[:, None], 2)}, "tell their effects apart"),
        ({"covariates": -np.arange(6.0)[:, None]}, "no maximum"),
    ],
)
def test_a_model_that_cannot_be_fitted_says_why(change, reason) -> None:
    good = {
        "covariates": np.array([[1.0], [3.0], [2.0], [0.0], [2.0], [1.0]]),
        "event": np.ones(6, dtype=bool),
        "time": np.arange(1.0, 7.0),
    }
    assert cox_regression(**good).reason == ""
    fit = cox_regression(**good | change)
    assert reason in fit.reason
    assert np.isnan(fit.coefficient).all()
    assert fit.estimate(0).reason == fit.reason


@pytest.mark.parametrize(
    ("group", "reason"),
    [([True, True, True], "empty"), ([True, False, False], "no event")],
)
def test_a_ratio_that_is_infinite_is_nan_with_a_reason(group, reason) -> None:
    ratio = hazard_ratio(
        event=np.array([True, False, False]), time=np.array([1.0, 2.0, 3.0]), group=np.array(group)
    )
    assert math.isnan(ratio.value)
    assert reason in ratio.reason


def test_wrong_arguments_are_named() -> None:
    good = {"event": np.array([True]), "time": np.array([1.0])}
    with pytest.raises(ValueError, match="must be patients by columns"):
        cox_regression(covariates=np.array([1.0]), **good)
    with pytest.raises(ValueError, match="group must be 1 bools"):
        hazard_ratio(group=np.array([1.0]), **good)

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from experiments.reporting.hazards import Term, clinical_terms, hazard_ratios, stratified_cox
from mmsurv.metrics.functional import hazard_ratio


def test_one_stratum_is_an_ordinary_cox_regression(predictions) -> None:
    high = predictions["risk_group"].eq("high")
    table = predictions[["time_days", "event"]].assign(fold=0, high=high.astype(float))
    fit = stratified_cox(table)
    other = hazard_ratio(
        event=predictions["event"].to_numpy(),
        time=predictions["time_days"].to_numpy(),
        group=high.to_numpy(),
    )
    found = fit.table.loc["high"]
    assert found["hazard_ratio"] == pytest.approx(other.value, rel=1e-4)
    assert found["lower"] == pytest.approx(other.lower, rel=1e-3)


def test_folds_are_strata(predictions) -> None:
    # Another time scale in every fold changes nothing within a fold.
    table = predictions[["time_days", "event", "fold", "log_hazard"]]
    slower = table.assign(time_days=table["time_days"] * (1 + 9 * table["fold"]))
    first, second = stratified_cox(table).table, stratified_cox(slower).table
    pd.testing.assert_frame_equal(first, second, rtol=1e-6)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"event": False}, "0 events"),
        ({"x": 1.0}, "x: no two patients differ"),
    ],
)
def test_what_cannot_be_fitted_says_why(predictions, changes, reason) -> None:
    table = predictions[["time_days", "event", "fold"]].assign(x=predictions["log_hazard"])
    fit = stratified_cox(table.assign(**changes))
    assert fit.table is None
    assert fit.reason == reason


def test_groups_that_never_overlap_do_not_converge(predictions) -> None:
    event = predictions["event"] & (predictions["risk_group"] == "high")
    table = predictions[["time_days", "fold"]].assign(
        event=event, high=predictions["risk_group"].eq("high").astype(float)
    )
    fit = stratified_cox(table)
    assert fit.table is None
    assert fit.reason.startswith("did not converge")


def test_terms_are_in_units_that_a_clinician_reads(source) -> None:
    terms = {term.variable: term for term in clinical_terms(source.cohort)}
    told = {name: term.contrast for name, term in terms.items()}
    assert told == {
        "age": "10 years more",
        "grade": "one level up",
        "nodes": "doubled (1 + value)",
        "er": "no against yes",
    }
    table = source.cohort.covariates
    np.testing.assert_allclose(terms["age"].column, table["age"] / 10)
    np.testing.assert_allclose(terms["nodes"].column, np.log2(1 + table["nodes"]))
    assert terms["grade"].column.tolist() == [float(g) - 1 for g in table["grade"]]
    assert terms["er"].column.tolist() == table["er"].eq("no").astype(float).tolist()


def test_the_risk_group_adds_where_it_is_the_truth(source) -> None:
    hazards = hazard_ratios(source.main.rows, clinical_terms(source.cohort))
    table = hazards.table.set_index(["model", "variable"])
    assert table.loc[("multivariate", "risk group"), "lower"] > 1
    assert hazards.added_p < 0.01
    # One patient has no age: left out of what needs it.
    assert hazards.patients == 89
    assert table.loc[("univariate", "risk group"), "patients"] == 90
    assert table.loc[("univariate", "age"), "patients"] == 89
    assert len(table) == 10


def test_a_group_that_copies_a_variable_adds_nothing(source) -> None:
    rows = source.main.rows
    high = rows.set_index("patient_id")["risk_group"].eq("high").astype(float)
    noisy = high + np.random.default_rng(0).normal(size=len(high)) * 0.01
    hazards = hazard_ratios(rows, [Term("copy", "1 more", noisy)])
    assert hazards.added_p > 0.01


def test_too_few_complete_patients_are_not_taken_for_the_cohort(source) -> None:
    rows = source.main.rows
    sparse = pd.Series(1.0, index=rows["patient_id"][:20])
    sparse.iloc[:10] = 2.0
    hazards = hazard_ratios(rows, [Term("rare", "1 more", sparse)])
    assert hazards.reason == "only 22% have every variable"
    multivariate = hazards.table[hazards.table["model"] == "multivariate"]
    assert multivariate["hazard_ratio"].isna().all()


def test_without_clinical_variables_the_group_stands_alone(source) -> None:
    hazards = hazard_ratios(source.main.rows, [])
    assert hazards.table["variable"].tolist() == ["risk group"]
    assert hazards.reason == "no clinical variables"

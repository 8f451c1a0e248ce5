"""Hazard ratios of clinical variables and of the risk group: does it add to what is known?"""

from __future__ import annotations

import warnings
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from scipy.stats import chi2

from experiments.cohort_record import CohortRecord
from experiments.scores import first_repeat

NAN = float("nan")
RISK = "risk group"
EVENTS_A_TERM = 10
FEWEST_COMPLETE = 0.5


class Term(NamedTuple):
    """One column of a Cox regression.

    Attributes:
        variable: Its name in the manifest.
        contrast: What one unit of it is, for a reader.
        column: Values by patient; NaN where missing.
    """

    variable: str
    contrast: str
    column: pd.Series


class CoxFit(NamedTuple):
    """A fitted Cox regression.

    Attributes:
        log_likelihood: Partial, at the maximum.
        table: Index the columns; hazard_ratio, lower, upper (95 %), p. None where there is no fit.
        reason: Why there is none.
    """

    log_likelihood: float
    table: pd.DataFrame | None
    reason: str


class Hazards(NamedTuple):
    """Cox regressions of the out-of-fold patients.

    Attributes:
        table: Columns model (univariate, multivariate), variable, contrast, patients, events,
            hazard_ratio, lower, upper (95 %), p, reason.
        added_p: Likelihood-ratio test of the risk group beside the clinical variables.
        reason: Why there is no such test.
        patients: With every variable known.
        events: Among them.
    """

    table: pd.DataFrame
    added_p: float
    reason: str
    patients: int
    events: int


def clinical_terms(record: CohortRecord) -> list[Term]:
    """Terms of every clinical variable, in units that a clinician reads.

    Ages count in ten years, logarithmic variables in doublings (of one more than the number),
    ordinal ones in levels, others in standard deviations; categories stand against the commonest.
    """
    terms = []
    for name, kind in record.kinds.items():
        column = record.covariates[name]
        if kind["kind"] == "categorical":
            counts = column.value_counts()
            for level in counts.index[1:]:
                values = column.eq(level).astype(float).where(column.notna())
                terms.append(Term(name, f"{level} against {counts.index[0]}", values))
            continue
        terms.append(_numeric(name, kind, column))
    return terms


def _numeric(name: str, kind: dict[str, Any], column: pd.Series) -> Term:
    if kind["kind"] == "ordinal":
        place = {level: float(i) for i, level in enumerate(kind["levels"])}
        return Term(name, "one level up", column.map(place))
    values = column.astype(float)
    if kind["log"]:
        return Term(name, "doubled (1 + value)", values.map(lambda value: np.log2(1 + value)))
    if kind["unit"] == "years":
        return Term(name, "10 years more", values / 10)
    spread = float(values.std())
    unit = f" {kind['unit']}" if kind["unit"] else ""
    return Term(name, f"{spread:.3g}{unit} (1 sd) more", values / spread)


def hazard_ratios(predictions: pd.DataFrame, terms: list[Term]) -> Hazards:
    """Univariate and multivariate Cox regressions, stratified by fold.

    Risk groups were cut fold by fold, so folds are strata. Patients with a variable missing are
    left out of the regressions that need it. The intervals take the out-of-fold groups as given,
    although the folds share training patients.

    Args:
        predictions: predictions.csv, with risk_group; each patient is taken once.
        terms: Of `clinical_terms`; empty gives the risk group alone.
    """
    once = first_repeat(predictions).set_index("patient_id")
    base = once[["time_days", "event", "fold"]].astype({"event": int})
    high = once["risk_group"].map({"low": 0.0, "high": 1.0})
    every = [Term(RISK, "high against low", high), *terms]
    wide = pd.DataFrame({_name(t): t.column.reindex(base.index) for t in every})
    rows = []
    for term in every:
        own = base.join(wide[[_name(term)]]).dropna()
        rows.append(_row("univariate", term, own, stratified_cox(own)))
    complete = base.join(wide).dropna()
    added, reason = NAN, "no clinical variables"
    if terms:
        share = len(complete) / len(base)
        why = "" if share >= FEWEST_COMPLETE else f"only {share:.0%} have every variable"
        fit = CoxFit(NAN, None, why) if why else stratified_cox(complete)
        rows += [_row("multivariate", term, complete, fit) for term in every]
        reason = fit.reason
        if fit.table is not None:
            without = stratified_cox(complete.drop(columns=_name(every[0])))
            reason = without.reason
            gained = max(2 * (fit.log_likelihood - without.log_likelihood), 0.0)
            added = float(chi2.sf(gained, 1)) if without.table is not None else NAN
    events = int(complete["event"].sum())
    return Hazards(pd.DataFrame(rows), added, reason, len(complete), events)


def _name(term: Term) -> str:
    return f"{term.variable}: {term.contrast}"


def stratified_cox(table: pd.DataFrame) -> CoxFit:
    """Cox regression of every further column, with folds as strata and Efron's ties.

    Args:
        table: time_days, event, fold, and columns of numbers; nothing missing.
    """
    from lifelines import CoxPHFitter
    from lifelines.exceptions import ConvergenceError, ConvergenceWarning

    columns = table.columns.difference(["time_days", "event", "fold"], sort=False)
    if table["event"].sum() < 2:
        return CoxFit(NAN, None, f"{table['event'].sum()} events")
    constant = [name for name in columns if table[name].nunique() < 2]
    if constant:
        return CoxFit(NAN, None, f"{', '.join(constant)}: no two patients differ")
    with warnings.catch_warnings():
        warnings.simplefilter("error", ConvergenceWarning)
        # lifelines calls `var` in a way that pandas 4 will refuse.
        warnings.filterwarnings("ignore", "Starting with pandas version 4.0")
        try:
            fitter = CoxPHFitter().fit(table, "time_days", "event", strata=["fold"])
        except (ConvergenceError, ConvergenceWarning) as error:
            told = str(error).strip().splitlines()[0]
            return CoxFit(NAN, None, f"did not converge: {told}")
    summary = fitter.summary
    kept = pd.DataFrame(
        {
            "hazard_ratio": summary["exp(coef)"],
            "lower": summary["exp(coef) lower 95%"],
            "upper": summary["exp(coef) upper 95%"],
            "p": summary["p"],
        }
    )
    return CoxFit(float(fitter.log_likelihood_), kept, "")


def _row(model: str, term: Term, used: pd.DataFrame, fit: CoxFit) -> dict[str, Any]:
    numbers = dict.fromkeys(["hazard_ratio", "lower", "upper", "p"], NAN)
    if fit.table is not None:
        numbers = {k: float(fit.table[k][_name(term)]) for k in numbers}
    return {
        "model": model,
        "variable": term.variable,
        "contrast": term.contrast,
        "patients": len(used),
        "events": int(used["event"].sum()),
        **numbers,
        "reason": fit.reason,
    }

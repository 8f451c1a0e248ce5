"""Hazard ratios of clinical variables and of the risk group: does it add to what is known?"""

from __future__ import annotations

import warnings
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from scipy.stats import chi2

from experiments.cohort_record import CohortRecord
from experiments.scores import first_repeat

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
        return Term(name, "doubled (1 + value)", np.log2(1 + values))
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
        _, table, reason = _fit(own)
        rows.append(_row("univariate", term, own, table, reason))
    complete = base.join(wide).dropna()
    added, reason = float("nan"), ""
    if terms:
        share = len(complete) / len(base)
        why = "" if share >= FEWEST_COMPLETE else f"only {share:.0%} have every variable"
        likelihood, table, reason = (None, None, why) if why else _fit(complete)
        rows += [_row("multivariate", term, complete, table, reason) for term in every]
        if likelihood is not None:
            without, _, reason = _fit(complete.drop(columns=_name(every[0])))
            if without is not None:
                added = float(chi2.sf(2 * max(likelihood - without, 0.0), 1))
    else:
        reason = "no clinical variables"
    return Hazards(pd.DataFrame(rows), added, reason, len(complete), int(complete["event"].sum()))


def _name(term: Term) -> str:
    return f"{term.variable}: {term.contrast}"


def _fit(table: pd.DataFrame) -> tuple[float | None, pd.DataFrame | None, str]:
    """Log likelihood and coefficients (coef, lower, upper, p by column), or why there are none."""
    from lifelines import CoxPHFitter
    from lifelines.exceptions import ConvergenceError, ConvergenceWarning

    columns = table.columns.difference(["time_days", "event", "fold"], sort=False)
    if table["event"].sum() < 2:
        return None, None, f"{table['event'].sum()} events"
    constant = [name for name in columns if table[name].nunique() < 2]
    if constant:
        return None, None, f"{', '.join(constant)}: no two patients differ"
    with warnings.catch_warnings():
        warnings.simplefilter("error", ConvergenceWarning)
        # lifelines calls `var` in a way that pandas 4 will refuse.
        warnings.filterwarnings("ignore", "Starting with pandas version 4.0")
        try:
            fitter = CoxPHFitter().fit(table, "time_days", "event", strata=["fold"])
        except (ConvergenceError, ConvergenceWarning) as error:
            return None, None, f"did not converge: {str(error).strip().splitlines()[0]}"
    summary = fitter.summary
    kept = pd.DataFrame(
        {
            "hazard_ratio": summary["exp(coef)"],
            "lower": summary["exp(coef) lower 95%"],
            "upper": summary["exp(coef) upper 95%"],
            "p": summary["p"],
        }
    )
    return float(fitter.log_likelihood_), kept, ""


def _row(
    model: str, term: Term, used: pd.DataFrame, table: pd.DataFrame | None, reason: str
) -> dict[str, Any]:
    nothing = dict.fromkeys(["hazard_ratio", "lower", "upper", "p"], float("nan"))
    return {
        "model": model,
        "variable": term.variable,
        "contrast": term.contrast,
        "patients": len(used),
        "events": int(used["event"].sum()),
        **(nothing if table is None else table.loc[_name(term)].to_dict()),
        "reason": reason,
    }

"""predictions.csv, ours or anybody's: read, checked, and refused where it cannot be scored."""

from __future__ import annotations

import re
from pathlib import Path

import pandas as pd

from data_modules.plausible import check_unit, suspicion
from data_modules.problems import Problems
from data_modules.sources import read_table, to_number

REQUIRED = {
    "patient_id": "the patient",
    "fold": "in which the patient was held out; 0 everywhere for patients of another hospital",
    "time_days": "follow-up in days",
    "event": "1 = it happened, 0 = censored",
    "log_hazard": "any score; higher is riskier",
}
SURVIVAL = re.compile(r"survival_(\d+(?:\.\d+)?)y")
ROUNDING = 1e-6
EVENT_CODES = {"1": True, "0": False, "true": True, "false": False, "1.0": True, "0.0": False}


def read_predictions(path: Path, problems: Problems, *, gaps: bool = False) -> pd.DataFrame | None:
    """One row a held-out patient, and a repeat where there are several.

    Args:
        path: The file.
        problems: Everything wrong goes here, with its row and column.
        gaps: Whether a log hazard may be missing, as in a fold for which a classical model has no
            answer.

    Returns:
        patient_id, fold, time_days, event (bool), log_hazard; repeat, survival_<years>y and
        risk_group where the file has them. None where something is wrong.
    """
    before = len(problems.found)
    text = read_table(path, problems)
    if text is None:
        return None
    for name, meaning in REQUIRED.items():
        if name not in text.columns:
            problems.add(path, f"no such column: {meaning}", column=name)
    if len(problems.found) > before:
        return None
    table = _typed(text, path, problems)
    if not gaps:
        _no_gaps(table["log_hazard"], path, problems)
    _check_survival(table, path, problems, gaps=gaps)
    _check_groups(table, path, problems, gaps=gaps)
    _check_patients(table, path, problems)
    if len(problems.found) > before:
        return None
    whole = ["fold", *(["repeat"] if "repeat" in table else [])]
    return _folds_run_on(table.astype(dict.fromkeys(whole, int)).reset_index(drop=True))


def time_note(predictions: pd.DataFrame) -> str:
    """What looks as if the times were not days; nothing where all looks well."""
    return suspicion(predictions["time_days"], "days", "time_days")


def survival_columns(columns: pd.Index) -> dict[float, str]:
    """Survival columns by year, in order.

    Example:
        >>> survival_columns(pd.Index(["fold", "survival_10y", "survival_0.5y"]))
        {0.5: 'survival_0.5y', 10.0: 'survival_10y'}
    """
    found = {float(m[1]): m[0] for m in map(SURVIVAL.fullmatch, map(str, columns)) if m}
    return dict(sorted(found.items()))


def _typed(text: pd.DataFrame, path: Path, problems: Problems) -> pd.DataFrame:
    table = pd.DataFrame({"patient_id": text["patient_id"].astype(object)}, index=text.index)
    for row in text.index[text["patient_id"].isna()]:
        problems.add(path, "the patient is missing", row=row, column="patient_id")
    numeric = {"fold": "a number", "time_days": "a time", "log_hazard": "a number"}
    if "repeat" in text.columns:
        numeric["repeat"] = "a number"
    numeric |= dict.fromkeys(survival_columns(text.columns).values(), "a probability")
    for name, what in numeric.items():
        table[name] = to_number(text[name], path, problems, name=name, what=what)
    for name in ("fold", "time_days", *(["repeat"] if "repeat" in text.columns else [])):
        _no_gaps(table[name], path, problems)
    for name in {"fold", "repeat"} & set(table.columns):
        wrong = table[name].notna() & ((table[name] < 0) | (table[name] % 1 != 0))
        for row, value in table.loc[wrong, name].items():
            problems.add(path, f"{value:g}: folds count from 0", row=row, column=name)
    for row, time in table.loc[table["time_days"] <= 0, "time_days"].items():
        problems.add(path, f"the time {time:g} is not positive", row=row, column="time_days")
    check_unit(table["time_days"], "days", path, problems, column="time_days", way="")
    event = text["event"].map(lambda cell: EVENT_CODES.get(str(cell).lower()))
    for row, cell in text.loc[event.isna(), "event"].items():
        problems.add(path, f"{cell!r} is neither 1 nor 0", row=row, column="event")
    table["event"] = event.fillna(False).astype(bool)
    if "risk_group" in text.columns:
        table["risk_group"] = text["risk_group"].astype(object)
    return table


def _folds_run_on(table: pd.DataFrame) -> pd.DataFrame:
    """Fold 0 of two repeats is two folds: their numbers run on, as ours do."""
    if "repeat" not in table or table.groupby("fold")["repeat"].nunique().max() == 1:
        return table
    return table.assign(fold=table.groupby(["repeat", "fold"]).ngroup())


def _no_gaps(column: pd.Series, path: Path, problems: Problems) -> None:
    # Text that is no number has been reported as such where it was read.
    reported = {p.row for p in problems.found if p.file == str(path) and p.column == column.name}
    for row in column.index[column.isna()].difference(list(reported)):
        problems.add(path, "the value is missing", row=row, column=column.name)


def _check_survival(table: pd.DataFrame, path: Path, problems: Problems, *, gaps: bool) -> None:
    names = list(survival_columns(table.columns).values())
    if not names:
        return
    values = table[names]
    outside = (values < -ROUNDING) | (values > 1 + ROUNDING)
    for name in values.columns[(outside | values.isna()).any()]:
        if not gaps:
            _no_gaps(values[name], path, problems)
        for row, value in values.loc[outside[name], name].items():
            problems.add(path, f"{value:g} is not a probability", row=row, column=name)
    rising = (values.diff(axis=1) > ROUNDING).any(axis=1)
    for row in values.index[rising]:
        problems.add(path, "survival rises with time", row=row, column="survival_*y")


def _check_groups(table: pd.DataFrame, path: Path, problems: Problems, *, gaps: bool) -> None:
    if "risk_group" not in table:
        return
    known = table["risk_group"].isin(["low", "high"])
    if gaps:
        known |= table["risk_group"].isna()
    for row, group in table.loc[~known, "risk_group"].items():
        problems.add(path, f"{group!r} is neither low nor high", row=row, column="risk_group")


def _check_patients(table: pd.DataFrame, path: Path, problems: Problems) -> None:
    """Once a repeat, and with one follow-up."""
    once = ["patient_id", *(["repeat"] if "repeat" in table else [])]
    way = "" if "repeat" in table else ": number the repeats in a column `repeat`"
    named = table[table["patient_id"].notna()]
    for row, patient in named.loc[named.duplicated(once), "patient_id"].items():
        problems.add(path, f"{patient} is held out twice{way}", row=row, column="patient_id")
    for name in ("time_days", "event"):
        first = named.groupby("patient_id", sort=False)[name].transform("first")
        for row in named.index[named[name].notna() & (named[name] != first)]:
            problems.add(path, "differs from the patient's other rows", row=row, column=name)

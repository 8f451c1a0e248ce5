"""folds.csv: written once, then only read, and checked against the cohort."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import pandas as pd

from data_modules.cohort import Cohort
from data_modules.files import write_aside
from data_modules.folds import COLUMNS, INNER_PARTS, Folds, Protocol, Role, fold_columns
from data_modules.problems import Problems
from data_modules.sources import read_table, to_number


def write_folds(folds: Folds, path: Path) -> None:
    """Writes folds.csv, whole or not at all."""
    with write_aside(path) as aside:
        folds.table.to_csv(aside, index=False, lineterminator="\n")


def read_folds(path: Path, cohort: Cohort, protocol: Protocol) -> Folds:
    """Reads folds.csv and checks it against the cohort.

    Raises:
        BadInput: The file cannot be read; patients, times or events are not those of the cohort; a
            role is unknown, does not fit the protocol, or a patient is tested in another fold than
            the file says.
    """
    problems = Problems()
    text = read_table(path, problems)
    problems.raise_if_any()
    assert text is not None
    roles = [name for name in text.columns if name.startswith("role")]
    again = [f"fold_{r}" for r in range(1, len(fold_columns(text)))]
    inner = [f"inner{k}" for k in range(len(roles)) if protocol == "nested"]
    numbers = ["fold", "event", *again, *inner]
    wanted = [*again]
    for k in range(max(len(roles), 2)):
        # Of the other protocol: the roles say so below.
        wanted += [f"inner{k}"] if f"inner{k}" in text and protocol == "nested" else []
        wanted += [f"role{k}"]
    for name in (*COLUMNS, *wanted):
        if name not in text.columns:
            problems.add(path, "no such column", column=name)
    problems.raise_if_any()
    table = text[[*COLUMNS, *wanted]].copy()
    for name in (*(n for n in numbers if n in table), "time_days"):
        table[name] = to_number(table[name], path, problems, name=name, what="a number")
    problems.raise_if_any()
    _check_patients(table, cohort, path, problems)
    _check_roles(table, [name for name in wanted if name[:4] == "role"], protocol, path, problems)
    _check_inner(table, inner, path, problems)
    problems.raise_if_any()
    whole = dict.fromkeys(numbers, int)
    return Folds(table.astype(whole).reset_index(drop=True), protocol)


def _check_patients(table: pd.DataFrame, cohort: Cohort, path: Path, problems: Problems) -> None:
    if table["patient_id"].tolist() != cohort.table.index.tolist():
        differ = set(table["patient_id"].dropna()) ^ set(cohort.table.index)
        problems.add(path, f"not the patients of the cohort: {sorted(differ)[:6] or 'order'}")
        return
    for column in ("time_days", "event"):
        changed = table[column].to_numpy(float) != cohort.table[column].to_numpy(float)
        for row in table.index[changed]:
            problems.add(path, "differs from the cohort", row=row, column=column)


def _check_roles(
    table: pd.DataFrame, columns: list[str], protocol: Protocol, path: Path, problems: Problems
) -> None:
    for k, column in enumerate(columns):
        for row, role in table[column][~table[column].isin(get_args(Role))].items():
            problems.add(path, f"no role {role!r}", row=row, column=column)
        held_out = table[fold_columns(table)].eq(k).any(axis=1)
        for row in table.index[(table[column] == "test") != held_out]:
            problems.add(
                path,
                "test is the role in the patient's own fold, and there alone",
                row=row,
                column=column,
            )
        inner = bool((table[column] == "val").any())
        if inner != (protocol == "nested"):
            found = "an inner validation split" if inner else "no inner validation split"
            problems.add(path, f"{found}, but the protocol is {protocol}", column=column)


def _check_inner(table: pd.DataFrame, columns: list[str], path: Path, problems: Problems) -> None:
    for k, column in enumerate(columns):
        if column not in table:
            problems.add(path, "no such column", column=column)
            continue
        role, inner = table[f"role{k}"], table[column]
        wrong = ~inner.isin(range(-1, INNER_PARTS))
        wrong |= ((inner == -1) != (role == "test")) | ((inner == 0) != (role == "val"))
        for row in table.index[wrong]:
            problems.add(
                path, f"{inner[row]:g} does not fit role {role[row]}", row=row, column=column
            )

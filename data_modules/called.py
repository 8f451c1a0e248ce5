"""Subtypes called from expression, as a column of the patient table."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd

from data_modules.expression import read_matrix
from data_modules.gene_table import SubtypeCall
from data_modules.genes import PAM50, nearest
from data_modules.joined import read_patients
from data_modules.manifest import Manifest
from data_modules.pam50 import FEWEST, call_subtypes, gene_centres, read_centroids
from data_modules.patients import check_columns
from data_modules.problems import Problems

# The column of the calls, which inclusion rules may name.
CALLED = "called_subtype"


def calling(manifest: Manifest) -> bool:
    """Whether the subtype of a cohort is called: no column is named and centroids are."""
    return manifest.call_subtype is not None and manifest.subtype in {"", CALLED}


def with_called_subtype(manifest: Manifest) -> Manifest:
    """The manifest, its subtype being the column of the calls where it asks for them."""
    return replace(manifest, subtype=CALLED) if calling(manifest) else manifest


def make_calls(
    call: SubtypeCall,
    centroids: Path,
    expression: pd.DataFrame,
    patients: pd.DataFrame,
    identifier: str,
    where: Path,
    problems: Problems,
) -> pd.DataFrame | None:
    """Calls every patient of a matrix, whoever is included later: the centre is of all of them.

    Args:
        call: How.
        centroids: File of the centroids.
        expression: Patients by genes, log2.
        patients: The patient table, for groups to balance.
        identifier: Its column of the patient.
        where: The patient table, for the report.
        problems: Centroids that cannot be read, and groups that are not there, go here.

    Returns:
        As `call_subtypes`; None where there was a problem.
    """
    table = read_centroids(centroids, problems)
    groups = None
    if call.balance is not None:
        groups = _groups(call, expression, patients, identifier, where, problems)
        if groups is None:
            return None
    if table is None:
        return None
    return call_subtypes(expression, table, gene_centres(expression, groups))


def _groups(
    call: SubtypeCall,
    expression: pd.DataFrame,
    patients: pd.DataFrame,
    identifier: str,
    where: Path,
    problems: Problems,
) -> pd.Series | None:
    assert call.balance is not None
    column, values = call.balance.column, call.balance.values  # noqa: PD011 - of the manifest
    if column not in patients.columns:
        text = f"no such column, named by call_subtype.balance{nearest(column, patients.columns)}"
        problems.add(where, text, column=column)
        return None
    known = patients.dropna(subset=[identifier, column]).drop_duplicates(identifier)
    groups = known.set_index(identifier)[column]
    groups = groups[groups.isin(values) & groups.index.isin(expression.index)]
    for value in values:
        count = int((groups == value).sum())
        if count < FEWEST:
            hint = nearest(value, set(patients[column].dropna()) - {value})
            text = f"call_subtype.balance: {count} patients with expression are {value!r}, at least"
            problems.add(where, f"{text} {FEWEST} are needed{hint}", column=column)
            return None
    return groups


def add_calls(
    raw: pd.DataFrame,
    manifest: Manifest,
    identifier: str,
    expression: pd.DataFrame,
    path: Path,
    problems: Problems,
) -> tuple[pd.DataFrame, list[str]]:
    """The patient table with the calls in the column `CALLED`, and what a reader should know.

    Args:
        raw: The patient table as text.
        manifest: With `call_subtype`.
        identifier: Column of the patient.
        expression: Patients by genes, log2.
        path: Of the patient table, for the report.
        problems: See `make_calls`; a table that has such a column itself goes here too.
    """
    assert manifest.call_subtype is not None
    if CALLED in raw.columns:
        text = "the table has this column itself: rename it"
        problems.add(path, text, column=CALLED)
        return raw, []
    centroids = manifest.resolve(manifest.call_subtype.centroids)
    calls = make_calls(
        manifest.call_subtype, centroids, expression, raw, identifier, path, problems
    )
    if calls is None:
        return raw.assign(**{CALLED: None}), []
    subtype = calls["subtype"].dropna()
    counts = ", ".join(f"{name} {count}" for name, count in subtype.value_counts().items())
    note = f"subtypes called for {len(subtype)} of {len(calls)} patients with expression: {counts}"
    known = subtype.to_dict()
    cells = pd.Series([known.get(p) for p in raw[identifier]], raw.index, dtype=object)
    return raw.assign(**{CALLED: cells}), [note]


def call_cohort(manifest: Manifest, call: SubtypeCall, centroids: Path) -> pd.DataFrame:
    """Calls every patient with expression, beside the subtype of the patient table.

    Args:
        manifest: Of the cohort; its inclusion rules do not count.
        call: How.
        centroids: File of the centroids.

    Returns:
        As `call_subtypes`, with the column `table_subtype`: of the patient table, None where it is
        missing or the manifest names no column.

    Raises:
        BadInput: Everything wrong with the patient table, the matrix or the centroids.
    """
    problems = Problems()
    if manifest.genes is None:
        problems.add(manifest.file, "subtypes are called from genes, which the manifest lacks")
        problems.raise_if_any()
    assert manifest.genes is not None
    named = {"subtype": manifest.subtype} if manifest.subtype else {}
    if call.balance is not None:
        named["call_subtype.balance"] = call.balance.column
    joined = read_patients(manifest, named, problems)
    path = manifest.resolve(manifest.genes.path)
    expression = read_matrix(path, manifest.genes, PAM50, problems)
    if joined is not None:
        check_columns(joined.table, named, joined.path, problems, derived=manifest.derive)
    problems.raise_if_any()
    assert joined is not None
    assert expression is not None
    patients, identifier = joined.table, joined.identifier
    matrix = expression.matrix
    calls = make_calls(call, centroids, matrix, patients, identifier, joined.path, problems)
    problems.raise_if_any()
    assert calls is not None
    known = patients.dropna(subset=[identifier]).drop_duplicates(identifier).set_index(identifier)
    told = known[manifest.subtype].reindex(calls.index) if manifest.subtype else None
    return calls.assign(table_subtype=told)


def agreement(calls: pd.DataFrame) -> dict[str, Any]:
    r"""How far calls and the subtypes of the table agree.

    Args:
        calls: Of `call_cohort`; patients without either subtype do not count.

    Returns:
        `compared` patients, `agreement` as their share, Cohen's `kappa`, per class its patients in
        the table, calls, and both, and `confusion`, from the table's subtype to the call.

    Example:
        >>> calls = pd.DataFrame(
        ...     {"table_subtype": ["A", "A", "B", None], "subtype": ["A", "B", "B", "B"]}
        ... )
        >>> found = agreement(calls)
        >>> found["compared"], round(found["agreement"], 2), round(found["kappa"], 2)
        (3, 0.67, 0.4)
        >>> found["classes"]["A"]
        {'table': 2, 'called': 1, 'both': 1}
    """
    both = calls.dropna(subset=["subtype", "table_subtype"])
    names = sorted({*both["subtype"], *both["table_subtype"]})
    counts = pd.crosstab(both["table_subtype"], both["subtype"])
    counts = counts.reindex(index=names, columns=names, fill_value=0)
    total = len(both)
    if total == 0:
        return {"compared": 0, "agreement": None, "kappa": None, "classes": {}, "confusion": {}}
    table, called = counts.sum(axis=1), counts.sum(axis=0)
    share = sum(int(counts.loc[name, name]) for name in names) / total
    chance = float((table * called).sum()) / total**2
    return {
        "compared": total,
        "agreement": share,
        "kappa": (share - chance) / (1 - chance) if chance < 1 else None,
        "classes": {
            name: {
                "table": int(table[name]),
                "called": int(called[name]),
                "both": int(counts.loc[name, name]),
            }
            for name in names
        },
        "confusion": {
            row: {column: int(counts.loc[row, column]) for column in names} for row in names
        },
    }

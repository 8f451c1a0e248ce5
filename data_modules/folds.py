"""Folds: drawn once, written once, then only read."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

import numpy as np
import pandas as pd

from data_modules.cohort import Cohort
from data_modules.files import write_aside
from data_modules.problems import BadInput, Problems
from data_modules.sources import read_table, to_number

Role = Literal["train", "val", "test"]
Protocol = Literal["nested", "paper"]

# One in so many of the patients outside a fold stop its training under protocol "nested".
INNER_PARTS = 5
FEWEST_TRAINING_EVENTS = 2
COLUMNS = ("patient_id", "fold", "time_days", "event", "stratum")


@dataclass(frozen=True)
class Folds:
    """Who is held out when, and who stops the training.

    Attributes:
        table: Columns patient_id, fold, time_days, event, stratum, and role0, role1, … with the
            role of the patient in each fold: train, val or test.
        protocol: "nested": val is an inner split; "paper": val is the held-out fold itself.
    """

    table: pd.DataFrame
    protocol: Protocol

    @property
    def n_folds(self) -> int:
        """Number of folds."""
        return sum(name.startswith("role") for name in self.table.columns)

    @property
    def hash(self) -> str:
        """Changes with any patient, fold or role."""
        return hashlib.sha256(self.table.to_csv(index=False).encode()).hexdigest()

    def patients(self, fold: int, role: Role) -> list[str]:
        """Patients of a role, in the order of the cohort."""
        if role == "val" and self.protocol == "paper":
            role = "test"
        chosen: list[str] = self.table.loc[self.table[f"role{fold}"] == role, "patient_id"].tolist()
        return chosen


def make_folds(cohort: Cohort, *, n_folds: int, protocol: Protocol, seed: int) -> Folds:
    """Draws folds stratified by subtype and event, and an inner split of every fold.

    Args:
        cohort: Whose patients are dealt.
        n_folds: At least 2.
        protocol: See `Folds`.
        seed: The same seed deals the same folds.

    Raises:
        BadInput: A fold without events, or too few events to train or to stop on.
    """
    stratum = strata(cohort.table, n_folds)
    fold = deal(stratum, n_folds, np.random.default_rng([seed, 11]))
    table = pd.DataFrame(
        {
            "patient_id": cohort.table.index,
            "fold": fold,
            "time_days": cohort.table["time_days"].to_numpy(),
            "event": cohort.table["event"].to_numpy().astype(int),
            "stratum": stratum,
        }
    )
    for k in range(n_folds):
        role = np.where(fold == k, "test", "train").astype(object)
        if protocol == "nested":
            outside = np.flatnonzero(fold != k)
            part = deal(stratum[outside], INNER_PARTS, np.random.default_rng([seed, 12, k]))
            role[outside[part == 0]] = "val"
        table[f"role{k}"] = role
    folds = Folds(table, protocol)
    _check_events(folds, cohort)
    return folds


def strata(table: pd.DataFrame, fewest: int) -> np.ndarray:
    """Subtype and event of every patient; a subtype too rare for all folds counts by event."""
    event = table["event"].map({True: "event", False: "censored"})
    if table["subtype"].isna().all():
        return event.to_numpy(dtype=object)
    both = table["subtype"].fillna("unknown").astype(str) + " " + event
    rare = both.map(both.value_counts()) < fewest
    return both.where(~rare, event).to_numpy(dtype=object)


def deal(stratum: np.ndarray, parts: int, rng: np.random.Generator) -> np.ndarray:
    """Deals patients like cards: parts differ by one at most, overall and within every stratum.

    Example:
        >>> dealt = deal(np.array(["a"] * 4 + ["b"] * 2), 2, np.random.default_rng(0))
        >>> [int((dealt[:4] == p).sum()) for p in (0, 1)], int((dealt == 0).sum())
        ([2, 2], 3)
    """
    part = np.empty(len(stratum), dtype=int)
    dealt = 0
    for name in sorted(set(stratum)):
        members = rng.permutation(np.flatnonzero(stratum == name))
        part[members] = (dealt + np.arange(len(members))) % parts
        dealt += len(members)
    return part


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
    wanted = [f"role{k}" for k in range(max(len(roles), 2))]
    for name in (*COLUMNS, *wanted):
        if name not in text.columns:
            problems.add(path, "no such column", column=name)
    problems.raise_if_any()
    table = text[[*COLUMNS, *wanted]].copy()
    for name in ("fold", "time_days", "event"):
        table[name] = to_number(table[name], path, problems, name=name, what="a number")
    problems.raise_if_any()
    _check_patients(table, cohort, path, problems)
    _check_roles(table, wanted, protocol, path, problems)
    problems.raise_if_any()
    return Folds(table.astype({"fold": int, "event": int}).reset_index(drop=True), protocol)


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
        for row in table.index[(table[column] == "test") != (table["fold"] == k)]:
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


def _check_events(folds: Folds, cohort: Cohort) -> None:
    problems = Problems()
    event = cohort.table["event"]
    for k in range(folds.n_folds):
        counts = {role: int(event[folds.patients(k, role)].sum()) for role in get_args(Role)}
        where = f"fold {k} of cohort {cohort.name}"
        if counts["test"] == 0:
            problems.add(where, "no event among the held-out patients: use fewer --folds")
        if counts["val"] == 0 and folds.protocol == "nested":
            problems.add(where, "no event among the patients that stop training: use fewer --folds")
        if counts["train"] < FEWEST_TRAINING_EVENTS:
            problems.add(
                where,
                f"{counts['train']} events among the training patients, at least "
                f"{FEWEST_TRAINING_EVENTS} are needed",
            )
    if problems.found:
        raise BadInput(problems.found)

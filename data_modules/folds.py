"""Folds: drawn once, written once, then only read."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

import numpy as np
import pandas as pd

from data_modules.cohort import Cohort
from data_modules.problems import BadInput, Problems
from data_modules.site_folds import (
    FEWEST_SITE_EVENTS,
    deal_sites,
    leave_one_site_out,
    sites_of,
)
from data_modules.split_files import read_split
from data_modules.strata import deal, strata

Role = Literal["train", "val", "test"]
# Of a role, or everybody who is not held out.
Part = Literal["train", "val", "test", "development"]
Protocol = Literal["nested", "paper"]
SplitName = Literal["stratified", "site", "leave_one_site_out"]

# One in so many of the patients outside a fold stop its training under protocol "nested".
INNER_PARTS = 5
FEWEST_TRAINING_EVENTS = 2
FEWEST_SITES = 2
COLUMNS = ("patient_id", "fold", "time_days", "event", "stratum")


@dataclass(frozen=True)
class Folds:
    """Who is held out when, and who stops the training.

    Attributes:
        table: Columns patient_id, fold, time_days, event, stratum, and role0, role1, … with the
            role of the patient in each fold: train, val or test. Under "nested" also inner0,
            inner1, …: which fifth of the others a patient is in, -1 for who is held out; a network
            stops on fifth 0, or each member of an ensemble on a fifth of its own. In repeated
            cross-validation also fold_1, fold_2, …: the fold in each further repeat; numbers of
            folds run on.
        protocol: "nested": val is an inner split; "paper": val is the held-out fold itself.
    """

    table: pd.DataFrame
    protocol: Protocol

    @property
    def n_folds(self) -> int:
        """Number of folds."""
        return sum(name.startswith("role") for name in self.table.columns)

    @property
    def repeats(self) -> int:
        """How often every patient is held out."""
        return len(fold_columns(self.table))

    @property
    def hash(self) -> str:
        """Changes with any patient, fold or role."""
        return hashlib.sha256(self.table.to_csv(index=False).encode()).hexdigest()

    def patients(self, fold: int, part: Part, member: int = 0) -> list[str]:
        """Patients of a part, in the order of the cohort.

        Args:
            fold: Which.
            part: "val" under protocol "paper" is "test".
            member: Which fifth stops the training: 0 is that of the roles in the table.
        """
        role = self.table[f"role{fold}"]
        if part == "test" or (part == "val" and self.protocol == "paper"):
            chosen = role == "test"
        elif part == "development" or self.protocol == "paper":
            chosen = role != "test"
        else:
            inner = self.table[f"inner{fold}"]
            stops = inner == member % INNER_PARTS
            chosen = stops if part == "val" else (inner >= 0) & ~stops
        patients: list[str] = self.table.loc[chosen, "patient_id"].tolist()
        return patients


@dataclass(frozen=True)
class Design:
    """How patients are dealt.

    Attributes:
        split: stratified; site: a site is never on both sides; leave_one_site_out: a fold a site.
        stratify: Columns of the cohort's table that strata are made of, besides subtype and event.
        file: Somebody else's folds instead; see `data_modules.split_files`.
        repeats: Of the whole cross-validation, each with folds of its own.
    """

    split: SplitName = "stratified"
    stratify: tuple[str, ...] = ()
    file: str = ""
    repeats: int = 1


STRATIFIED = Design()


def make_folds(
    cohort: Cohort, *, n_folds: int, protocol: Protocol, seed: int, design: Design = STRATIFIED
) -> Folds:
    """Draws folds, by default stratified by subtype and event, and an inner split of every fold.

    Args:
        cohort: Whose patients are dealt.
        n_folds: At least 2; a repeat of `leave_one_site_out` or of a file has its own number.
        protocol: See `Folds`.
        seed: The same seed deals the same folds; repeat 0 is what there is without repeats.
        design: How.

    Raises:
        BadInput: A fold without events, too few events to train or to stop on, sites or strata that
            cannot be dealt so, or a file that does not fit the cohort.
    """
    stratum = strata(cohort.table, n_folds, design.stratify)
    site = _sites(cohort, design)
    outer: list[np.ndarray] = []
    for repeat in range(design.repeats):
        # Repeat 0 is drawn as without repeats.
        key = [seed, 11] if repeat == 0 else [seed, 11, repeat]
        fold = _outer(cohort, stratum, site, n_folds, design, np.random.default_rng(key))
        outer.append(fold + (outer[-1].max() + 1 if outer else 0))
    table = pd.DataFrame(
        {
            "patient_id": cohort.table.index,
            "fold": outer[0],
            "time_days": cohort.table["time_days"].to_numpy(),
            "event": cohort.table["event"].to_numpy().astype(int),
            "stratum": stratum,
            **{f"fold_{r}": fold for r, fold in enumerate(outer) if r},
        }
    )
    for fold in outer:
        for k in range(fold.min(), fold.max() + 1):
            role = np.where(fold == k, "test", "train").astype(object)
            if protocol == "nested":
                outside = np.flatnonzero(fold != k)
                inner = np.full(len(fold), -1)
                inner[outside] = _inner(
                    stratum, site, outside, np.random.default_rng([seed, 12, k])
                )
                role[inner == 0] = "val"
                table[f"inner{k}"] = inner
            table[f"role{k}"] = role
    folds = Folds(table, protocol)
    _check_events(folds, cohort)
    return folds


def _sites(cohort: Cohort, design: Design) -> np.ndarray | None:
    """Site of every patient where the design keeps sites together."""
    if design.split == "stratified" or design.file:
        return None
    site, _ = sites_of(cohort.table)
    problems = Problems()
    where = f"cohort {cohort.name}"
    unknown = [str(patient) for patient in site.index[site.isna()]]
    if unknown:
        text = f"{len(unknown)} patients have no site ({', '.join(unknown[:4])})"
        problems.add(where, f"{text}: name its column with `site` in the manifest")
    elif site.nunique() < FEWEST_SITES:
        problems.add(where, f"one site only ({site.iloc[0]}): it cannot be kept apart from others")
    problems.raise_if_any()
    return site.to_numpy(dtype=object)


def _outer(
    cohort: Cohort,
    stratum: np.ndarray,
    site: np.ndarray | None,
    n_folds: int,
    design: Design,
    rng: np.random.Generator,
) -> np.ndarray:
    problems = Problems()
    where = f"cohort {cohort.name}"
    if design.file:
        fold, _ = read_split(Path(design.file), cohort.table.index, problems)
        problems.raise_if_any()
        return np.unique(fold, return_inverse=True)[1]
    if site is None:
        return deal(stratum, n_folds, rng)
    if design.split == "leave_one_site_out":
        part, names = leave_one_site_out(site.tolist(), cohort.table["event"].to_numpy(bool))
        if len(names) < FEWEST_SITES:
            text = f"there are no two parts to leave out: a site needs {FEWEST_SITE_EVENTS} events"
            problems.add(where, text)
        problems.raise_if_any()
        return part
    if len(set(site)) < n_folds:
        problems.add(where, f"{len(set(site))} sites cannot be dealt into --folds={n_folds}")
    problems.raise_if_any()
    return deal_sites(site.tolist(), stratum, n_folds, rng)


def _inner(
    stratum: np.ndarray, site: np.ndarray | None, outside: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """Parts of the patients outside a fold; by site where the fold is, if there are enough."""
    if site is None or len(set(site[outside])) < INNER_PARTS:
        return deal(stratum[outside], INNER_PARTS, rng)
    return deal_sites(site[outside].tolist(), stratum[outside], INNER_PARTS, rng)


def fold_columns(table: pd.DataFrame) -> list[str]:
    """fold, and fold_1, fold_2, … of further repeats.

    Example:
        >>> fold_columns(pd.DataFrame(columns=["fold", "event", "fold_1"]))
        ['fold', 'fold_1']
    """
    return [str(name) for name in table.columns if re.fullmatch(r"fold(_\d+)?", str(name))]


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

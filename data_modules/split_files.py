"""Splits that somebody else drew: one table of folds, or a folder of MCAT-style split files."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pandas as pd

from data_modules.genes import nearest
from data_modules.problems import Problems
from data_modules.sources import read_table

IDENTIFIERS = ("patient_id", "case_id", "patient")
# Of the patients that are named, so many.
NAMED = 6


def read_split(path: Path, patients: pd.Index, problems: Problems) -> tuple[np.ndarray, list[str]]:
    """Fold of every patient of the cohort.

    Args:
        path: A table with a column `patient_id` (or `case_id`) and a column `fold`; or a folder of
            tables with columns `train`, `val` and perhaps `test`, one a fold in the order of the
            numbers in their names, as MCAT, PORPOISE and SurvPath have them: who is tested (or,
            without `test`, validated) in a file is held out in its fold.
        patients: Of the cohort.
        problems: Unreadable files, patients held out twice or never, and fewer than two folds go
            here.

    Returns:
        Folds from 0, -1 where unknown, and notes on patients who are not in the cohort.
    """
    held = _folder(path, problems) if path.is_dir() else _table(path, problems)
    fold = np.full(len(patients), -1)
    twice: dict[str, list[str]] = {}
    for number, (where, members) in enumerate(held):
        for patient in members:
            if patient not in patients:
                continue
            position = patients.get_loc(patient)
            if fold[position] not in (-1, number):
                twice.setdefault(patient, []).append(where)
            fold[position] = number
    for patient, places in twice.items():
        problems.add(path, f"patient {patient!r} is held out twice, again in {places[0]}")
    named = {patient for _, members in held for patient in members}
    never = [str(patient) for patient in patients[fold == -1]]
    if held and never:
        hint = nearest(never[0], named)
        text = f"{len(never)} patients of the cohort are in no fold: {', '.join(never[:NAMED])}"
        problems.add(path, f"{text}{hint}; leave them out with `include`, or add them")
    if held and len({int(f) for f in fold if f >= 0}) < 2:
        problems.add(path, "at least two folds hold patients of the cohort out")
    strangers = sorted(named - set(patients))
    notes = []
    if strangers:
        shown = ", ".join(strangers[:NAMED])
        notes.append(f"{len(strangers)} patients of the split are not in the cohort: {shown}")
    return fold, notes


def _table(path: Path, problems: Problems) -> list[tuple[str, list[str]]]:
    table = read_table(path, problems)
    if table is None:
        return []
    identifier = next((name for name in IDENTIFIERS if name in table), None)
    if identifier is None or "fold" not in table:
        lacking = "fold" if identifier else " or ".join(IDENTIFIERS[:2])
        problems.add(path, f"no column {lacking}; a split has patient_id and fold")
        return []
    for row in table.index[table[identifier].isna() | table["fold"].isna()]:
        problems.add(path, "patient or fold is missing", row=row)
    known = table.dropna(subset=[identifier, "fold"])
    names = sorted(known["fold"].unique(), key=_natural)
    return [(f"fold {n}", known.loc[known["fold"] == n, identifier].tolist()) for n in names]


def _folder(path: Path, problems: Problems) -> list[tuple[str, list[str]]]:
    # MCAT writes splits_0_bool.csv and the like beside the files that count.
    files = [file for file in path.glob("*.csv") if re.fullmatch(r"\D*\d+", file.stem)]
    if not files:
        problems.add(path, "holds no split files such as splits_0.csv")
    held = []
    for file in sorted(files, key=lambda file: _natural(file.stem)):
        table = read_table(file, problems)
        if table is None:
            continue
        column = next((c for c in ("test", "val") if c in table and table[c].notna().any()), None)
        if column is None:
            problems.add(file, "no column test or val says who is held out")
            continue
        held.append((file.name, table[column].dropna().tolist()))
    return held


def _natural(text: str) -> tuple[int, str]:
    """2 before 10."""
    number = re.search(r"\d+", text)
    return (int(number[0]) if number else -1, text)

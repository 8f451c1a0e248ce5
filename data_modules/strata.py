"""Strata of patients, and dealing them like cards."""

from __future__ import annotations

import numpy as np
import pandas as pd

from data_modules.genes import nearest
from data_modules.problems import Problems


def strata(table: pd.DataFrame, fewest: int, extra: tuple[str, ...] = ()) -> np.ndarray:
    """Subtype, event and extra columns of every patient; a stratum too rare counts by event.

    Raises:
        BadInput: An extra column that is not there, or that has a value of its own for most.
    """
    problems = Problems()
    for name in extra:
        if name not in table:
            problems.add("--stratify", f"no column {name!r}{nearest(name, table.columns)}")
        elif table[name].nunique() > len(table) / fewest:
            text = f"{name!r} has {table[name].nunique()} values: folds cannot be alike in them"
            problems.add("--stratify", text)
    problems.raise_if_any()
    event = table["event"].map({True: "event", False: "censored"})
    columns = [name for name in ("subtype",) if table[name].notna().any()]
    if not columns and not extra:
        return event.to_numpy(dtype=object)
    both = event
    for name in (*reversed(extra), *columns):
        both = table[name].astype(object).fillna("unknown").astype(str) + " " + both
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

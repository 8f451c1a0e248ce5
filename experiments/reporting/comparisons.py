"""Paired comparisons: two models on the same patients in the same folds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from experiments.reporting.measures import pairs_within_folds
from experiments.reporting.sources import Arm
from experiments.scores import first_repeat
from mmsurv.metrics.functional import Estimate, holm
from mmsurv.metrics.resample import Bootstrap, paired_difference


def comparison_table(arms: Sequence[Arm], draws: Mapping[str, Bootstrap]) -> pd.DataFrame:
    """Every network and foreign model against every other model.

    Holm's correction runs over the comparisons of one model, which is what a reader of that model
    looks at together. Models that cannot be compared are rows too, with the reason.

    Args:
        arms: All models.
        draws: By name, of `uncertainty.resampled`; absent where a model has none.

    Returns:
        As `schema.SCHEMA["comparisons"]` says.
    """
    tables = []
    done: set[frozenset[str]] = set()
    for first in (arm for arm in arms if arm.kind != "classical"):
        others = [
            arm
            for arm in arms
            if arm is not first and frozenset({arm.name, first.name}) not in done
        ]
        done |= {frozenset({arm.name, first.name}) for arm in others}
        rows = [_compare(first, second, draws) for second in others]
        if rows:
            table = pd.DataFrame(rows)
            table.insert(7, "p_holm", holm(table["p"].to_numpy(float)))
            tables.append(table)
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame()


def why_not(first: Arm, second: Arm) -> str:
    """Why two models cannot be compared pair by pair; empty where they can."""
    for arm in (first, second):
        if not arm.answered:
            return f"{arm.name} has no answer for fold {', '.join(map(str, arm.unanswered))}"
    keys = [_key(arm) for arm in (first, second)]
    if not keys[0].index.equals(keys[1].index):
        patients = [set(arm.rows["patient_id"]) for arm in (first, second)]
        if patients[0] != patients[1]:
            both = len(patients[0] & patients[1])
            return f"other patients: {len(patients[0])} and {len(patients[1])}, {both} in both"
        return "other folds"
    if not (keys[0] == keys[1]).all(axis=None):
        return "other times or events for the same patients"
    return ""


def _key(arm: Arm) -> pd.DataFrame:
    """Follow-up by patient and fold."""
    return arm.rows.set_index(["fold", "patient_id"])[["time_days", "event"]].sort_index()


def _compare(first: Arm, second: Arm, draws: Mapping[str, Bootstrap]) -> dict[str, Any]:
    reason = why_not(first, second)
    found = (
        Estimate.missing(reason)
        if reason
        else paired_difference(draws[first.name], draws[second.name], "c_index")
    )
    once = first_repeat(first.rows)
    return {
        "first": first.name,
        "second": second.name,
        "protocols": " / ".join(dict.fromkeys([first.protocol, second.protocol])),
        "difference": found.value,
        "lower": found.lower,
        "upper": found.upper,
        "p": found.p,
        "patients": len(once) if not reason else np.nan,
        "events": int(once["event"].sum()) if not reason else np.nan,
        "comparable_pairs": pairs_within_folds(once) if not reason else np.nan,
        "reason": found.reason,
    }

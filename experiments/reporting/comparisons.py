"""Paired comparisons: two models on the same patients in the same folds."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from experiments.reporting.measures import pairs_within_folds
from experiments.reporting.sources import Arm
from experiments.reporting.uncertainty import share_held_out, whole_repeats
from experiments.scores import first_repeat
from mmsurv.metrics.functional import Estimate, corrected_resampled, holm
from mmsurv.metrics.resample import Bootstrap, paired_difference

CORRECTED = "corrected t"
BOOTSTRAP = "bootstrap"


def comparison_table(
    arms: Sequence[Arm], folds: Mapping[str, pd.DataFrame], draws: Mapping[str, Bootstrap]
) -> pd.DataFrame:
    """Every network and foreign model against every other model.

    The test is Nadeau and Bengio's t of the differences by fold, because folds share training
    patients and the paired bootstrap takes the fitted models as given: with five folds of noise it
    finds a difference in 11 % of cohorts (docs/metrics.md). The bootstrap stands beside it, and is
    the test where there is one fold, as of models that were trained on other patients.

    Holm's correction runs over the comparisons of one model, which is what a reader of that model
    looks at together. Models that cannot be compared are rows too, with the reason.

    Args:
        arms: All models.
        folds: By name, of `folds.fold_table`.
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
        rows = [_compare(first, second, folds, draws) for second in others]
        if rows:
            table = pd.DataFrame(rows)
            table["p_holm"] = holm(table["p"].to_numpy(float))
            tables.append(table)
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame()


def difference_with_interval(row: Mapping[Hashable, Any]) -> Estimate:
    """The difference of a row with the interval of its test."""
    of = "corrected" if row["test"] == CORRECTED else "bootstrap"
    lower, upper = row[f"{of}_lower"], row[f"{of}_upper"]
    return Estimate(row["difference"], lower, upper, row["p"], row["reason"])


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


def corrected_difference(first: Arm, second: Arm, folds: Mapping[str, pd.DataFrame]) -> Estimate:
    """C-index of one model minus another's by fold and repeat: mean, corrected interval, and p.

    Args:
        first: A model.
        second: Another, which `why_not` lets be compared with it.
        folds: By name, of `folds.fold_table`.
    """
    # The same folds as the bootstrap's: repeats that hold only some patients out are no repeats.
    rows = whole_repeats(first.rows)
    share = share_held_out(rows)
    if share == 0:
        return Estimate.missing("one fold has no corrected interval")
    one, other = (folds[arm.name].set_index("fold")["c_index"] for arm in (first, second))
    held = sorted(rows["fold"].unique())
    return corrected_resampled((one - other)[held].to_numpy(float), test_share=share)


def _compare(
    first: Arm, second: Arm, folds: Mapping[str, pd.DataFrame], draws: Mapping[str, Bootstrap]
) -> dict[str, Any]:
    reason = why_not(first, second)
    corrected = drawn = Estimate.missing(reason)
    if not reason:
        corrected = corrected_difference(first, second, folds)
        drawn = paired_difference(draws[first.name], draws[second.name], "c_index")
    test = CORRECTED if corrected.p == corrected.p else BOOTSTRAP
    p = corrected.p if test == CORRECTED else drawn.p
    once = first_repeat(first.rows)
    return {
        "first": first.name,
        "second": second.name,
        "protocols": " / ".join(dict.fromkeys([first.protocol, second.protocol])),
        "difference": drawn.value,
        "corrected_lower": corrected.lower,
        "corrected_upper": corrected.upper,
        "test": test if p == p else "",
        "p": p,
        "p_holm": np.nan,  # of all rows together
        "bootstrap_lower": drawn.lower,
        "bootstrap_upper": drawn.upper,
        "bootstrap_p": drawn.p,
        "patients": len(once) if not reason else np.nan,
        "events": int(once["event"].sum()) if not reason else np.nan,
        "comparable_pairs": pairs_within_folds(once) if not reason else np.nan,
        "reason": drawn.reason,
    }

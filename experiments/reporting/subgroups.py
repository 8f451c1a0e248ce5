"""The model within parts of the patients."""

from __future__ import annotations

from typing import Any

import pandas as pd

from experiments.reporting.measures import NO_GROUPS, pairs_within_folds
from experiments.reporting.patients import Subgroup
from experiments.reporting.reading import FEW_EVENTS
from experiments.reporting.sources import Arm
from experiments.reporting.uncertainty import Effort, chance, resampled
from experiments.scores import first_repeat
from mmsurv.metrics.functional import Estimate
from mmsurv.metrics.resample import percentile_interval


def subgroup_table(arm: Arm, subgroups: list[Subgroup], effort: Effort) -> pd.DataFrame:
    """C-index and hazard ratio of the risk groups in every subgroup, after everybody.

    The C-index is pooled by comparable pairs, for a fold may hold few patients of a subgroup.

    Returns:
        As `schema.SCHEMA["subgroups"]` says, without the columns of the arm.
    """
    once = first_repeat(arm.rows)
    everybody = Subgroup("all", frozenset(once["patient_id"]))
    rows = [_row(arm, once, part, effort) for part in [everybody, *subgroups]]
    return pd.DataFrame([row for row in rows if row["patients"]])


def _row(arm: Arm, once: pd.DataFrame, part: Subgroup, effort: Effort) -> dict[str, Any]:
    rows = once[once["patient_id"].isin(part.patients)]
    events = int(rows["event"].sum())
    c_index = ratio = null = Estimate.missing("no patient")
    if len(rows):
        draws = resampled(arm, rows, (), effort)
        c_index = percentile_interval(draws, "c_index_pooled")
        ratio = percentile_interval(draws, "hazard_ratio")
        null = chance(arm, rows, pooled=True)
    if "risk_group" not in rows:
        ratio = Estimate.missing(NO_GROUPS)
    reasons = {"C-index": c_index.reason, "hazard ratio": ratio.reason}
    return {
        "subgroup": part.name,
        "patients": len(rows),
        "events": events,
        "comparable_pairs": pairs_within_folds(rows),
        "c_index": c_index.value,
        "c_index_lower": c_index.lower,
        "c_index_upper": c_index.upper,
        "null_lower": null.lower,
        "null_upper": null.upper,
        "hazard_ratio": ratio.value,
        "lower": ratio.lower,
        "upper": ratio.upper,
        "few_events": events < FEW_EVENTS,
        "reason": "; ".join(f"{name}: {why}" for name, why in reasons.items() if why),
    }

"""The model within parts of the patients."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from experiments.reporting.hazards import stratified_cox
from experiments.reporting.measures import Effort, pairs_within_folds
from experiments.reporting.patients import Subgroup
from experiments.reporting.reading import FEW_EVENTS
from experiments.reporting.sources import Arm
from experiments.reporting.uncertainty import c_interval
from experiments.scores import first_repeat
from mmsurv.metrics.functional import Estimate


def subgroup_table(arm: Arm, subgroups: list[Subgroup], effort: Effort) -> pd.DataFrame:
    """C-index and hazard ratio of the risk groups in every subgroup, after everybody.

    Returns:
        As `schema.SCHEMA["subgroups"]` says, without the columns of the arm.
    """
    once = first_repeat(arm.rows)
    everybody = Subgroup("all", frozenset(once["patient_id"]))
    return pd.DataFrame([_row(once, part, effort) for part in [everybody, *subgroups]])


def _row(once: pd.DataFrame, part: Subgroup, effort: Effort) -> dict[str, Any]:
    rows = once[once["patient_id"].isin(part.patients)]
    events, pairs = int(rows["event"].sum()), pairs_within_folds(rows)
    c_index = Estimate.missing("no comparable pair within a fold")
    if pairs:
        c_index = c_interval(rows, effort.resamples, effort.seed)
    reasons = [c_index.reason]
    ratio = dict.fromkeys(["hazard_ratio", "lower", "upper"], np.nan)
    if "risk_group" in rows:
        high = rows["risk_group"].eq("high").astype(float)
        fit = stratified_cox(rows[["time_days", "event", "fold"]].assign(high=high))
        reasons.append(fit.reason)
        if fit.table is not None:
            ratio = {k: float(fit.table.loc["high", k]) for k in ratio}
    else:
        reasons.append("the file has no risk_group")
    return {
        "subgroup": part.name,
        "patients": len(rows),
        "events": events,
        "comparable_pairs": pairs,
        "c_index": c_index.value,
        "c_index_lower": c_index.lower,
        "c_index_upper": c_index.upper,
        **ratio,
        "few_events": events < FEW_EVENTS,
        "reason": "; ".join(filter(None, reasons)),
    }

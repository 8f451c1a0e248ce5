"""Who the patients are: their clinical variables, and the subgroups that clinicians ask about."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import pandas as pd

from experiments.cohort_record import CohortRecord
from mmsurv.survival import DAYS_PER_YEAR

MENOPAUSE_YEARS = 50
FEWEST_PATIENTS = 10


class Subgroup(NamedTuple):
    """A part of the patients that was defined before anything was computed."""

    name: str
    patients: frozenset[str]


def subgroups_of(record: CohortRecord) -> list[Subgroup]:
    """Subtypes, node-negative and node-positive, and both sides of 50 years.

    They are fixed here and not chosen by their results. A variable is found by its name: `subtype`,
    one with "node" in it (the first), and `age` in years. Parts of fewer than ten patients are left
    out.
    """
    table = record.covariates
    found = [
        (str(subtype), table.index[table["subtype"] == subtype])
        for subtype in sorted(table["subtype"].dropna().unique())
    ]
    nodes = next((name for name in record.kinds if "node" in name.lower()), None)
    if nodes is not None:
        count = pd.to_numeric(table[nodes], errors="coerce")
        found.append(("node-negative", table.index[count == 0]))
        found.append(("node-positive", table.index[count > 0]))
    if record.kinds.get("age", {}).get("unit") == "years":
        age = table["age"].astype(float)
        found.append((f"under {MENOPAUSE_YEARS} years", table.index[age < MENOPAUSE_YEARS]))
        found.append((f"{MENOPAUSE_YEARS} years and over", table.index[age >= MENOPAUSE_YEARS]))
    return [
        Subgroup(name, frozenset(patients))
        for name, patients in found
        if len(patients) >= FEWEST_PATIENTS
    ]


def characteristics(record: CohortRecord, predictions: pd.DataFrame) -> pd.DataFrame:
    """Each clinical variable of the held-out patients, all together and by risk group.

    Returns:
        Columns variable, level, all, low, high: median (quartiles) of numbers, counts (share) of
        levels, and the missing. low and high are empty without risk groups.
    """
    once = predictions.drop_duplicates("patient_id").set_index("patient_id")
    groups: dict[str, pd.Index] = {"all": once.index}
    for group in ("low", "high"):
        has = "risk_group" in once
        groups[group] = once.index[once["risk_group"] == group] if has else once.index[:0]
    table = record.covariates.reindex(once.index)
    rows: list[dict[str, Any]] = [
        {"variable": "patients", "level": "", **{g: str(len(ids)) for g, ids in groups.items()}},
        _share("events", "", once["event"].astype(bool), groups),
        _median("follow-up, years", once["time_days"] / DAYS_PER_YEAR, groups),
    ]
    kinds: dict[str, dict[str, Any]] = {"subtype": {"kind": "categorical", "levels": []}}
    for name, kind in (kinds | record.kinds).items():
        column = table[name]
        if column.isna().all():
            continue
        if kind["kind"] == "numeric":
            unit = f", {kind['unit']}" if kind["unit"] else ""
            rows.append(_median(f"{name}{unit}", column.astype(float), groups))
        else:
            levels: Sequence[str] = kind["levels"] or sorted(column.dropna().unique())
            rows += [_share(name, str(level), column == level, groups) for level in levels]
        if column.isna().any():
            rows.append(_share(name, "missing", column.isna(), groups))
    return pd.DataFrame(rows).fillna("")


def _share(name: str, level: str, having: pd.Series, groups: dict[str, pd.Index]) -> dict[str, str]:
    def cell(patients: pd.Index) -> str:
        count = int(having[patients].sum())
        return f"{count} ({count / len(patients):.0%})" if len(patients) else ""

    return {"variable": name, "level": level, **{g: cell(p) for g, p in groups.items()}}


def _median(name: str, numbers: pd.Series, groups: dict[str, pd.Index]) -> dict[str, str]:
    def cell(patients: pd.Index) -> str:
        known = numbers[patients].dropna()
        if not len(known):
            return ""
        low, middle, high = known.quantile([0.25, 0.5, 0.75])
        return f"{middle:.3g} ({low:.3g} to {high:.3g})"

    about = "median (quartiles)"
    return {"variable": name, "level": about, **{g: cell(p) for g, p in groups.items()}}

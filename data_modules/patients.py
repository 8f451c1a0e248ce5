"""From the raw patient table to one validated row a patient."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import pandas as pd

from data_modules.genes import nearest
from data_modules.manifest import Covariate, Endpoint, Inclusion, Manifest
from data_modules.problems import Problems
from data_modules.sources import to_number

DAYS_PER = {"days": 1.0, "months": 365.25 / 12, "years": 365.25}


def check_columns(
    raw: pd.DataFrame, manifest: Manifest, endpoint: Endpoint, path: Path, problems: Problems
) -> None:
    """Reports every column that the manifest names and the table lacks, with the nearest one."""
    named = {
        "patients.id": manifest.patients.id,
        "endpoint time": endpoint.time,
        "endpoint event": endpoint.event,
        "site": manifest.site,
        "subtype": manifest.subtype,
        **{f"covariates.{name}": c.column for name, c in manifest.covariates.items()},
        **{f"include[{i}]": rule.column for i, rule in enumerate(manifest.include, start=1)},
    }
    for use, column in named.items():
        if column and column not in raw.columns:
            problems.add(
                path,
                f"no such column, named by {use}{nearest(column, raw.columns)}",
                column=column,
            )


def apply_rules(
    raw: pd.DataFrame,
    rules: tuple[Inclusion, ...],
    having: dict[str, Collection[str]],
    identifier: str,
    path: Path,
    problems: Problems,
) -> tuple[pd.DataFrame, list[tuple[str, int]]]:
    """Applies the inclusion rules in order.

    Args:
        raw: The patient table as text.
        rules: Of the manifest.
        having: Patients by modality that they have, for rules with `has`.
        identifier: Column of the identifier.
        path: For the report.
        problems: Text where a rule compares numbers, and modalities that were not read, go here.

    Returns:
        The rows left, and what each step left.
    """
    flow = [("in the patient table", len(raw))]
    kept = raw
    for rule in rules:
        if rule.has:
            # A modality that the run does not read cannot exclude anybody from it.
            wanted = [set(having[m]) for m in rule.has if m in having]
            if not wanted:
                continue
            kept = kept[kept[identifier].isin(set.intersection(*wanted))]
        elif rule.values:
            kept = kept[kept[rule.column].isin(rule.values)]
        elif rule.above is not None:
            numbers = to_number(
                kept[rule.column], path, problems, name=rule.column, what="a number"
            )
            kept = kept[numbers > rule.above]
        else:
            kept = kept[kept[rule.column].notna()]
        flow.append((rule.describe(), len(kept)))
    return kept, flow


def patient_rows(
    kept: pd.DataFrame, manifest: Manifest, endpoint: Endpoint, path: Path, problems: Problems
) -> pd.DataFrame:
    """The validated table: index patient_id; time_days, event, site, subtype and raw covariates.

    Missing or repeated identifiers, times that are no positive numbers, events without a declared code
    and covariates that are no numbers or no declared level are problems.
    """
    identifier = kept[manifest.patients.id]
    for row in kept.index[identifier.isna()]:
        problems.add(path, "the identifier is missing", row=int(row), column=identifier.name)
    for row, patient in identifier[identifier.duplicated() & identifier.notna()].items():
        problems.add(
            path, f"patient {patient!r} has two rows", row=int(row), column=identifier.name
        )
    table = pd.DataFrame(
        {
            "time_days": _times(kept[endpoint.time], endpoint, path, problems),
            "event": _events(kept[endpoint.event], endpoint, path, problems),
            "site": kept[manifest.site] if manifest.site else None,
            "subtype": kept[manifest.subtype] if manifest.subtype else None,
            **{
                name: covariate_values(kept[c.column], c, path, problems)
                for name, c in manifest.covariates.items()
            },
        },
        index=kept.index,
    )
    return table.set_axis(pd.Index(identifier.astype(str), name="patient_id"))


def _times(column: pd.Series, endpoint: Endpoint, path: Path, problems: Problems) -> pd.Series:
    times = to_number(column, path, problems, name=endpoint.time, what="a time")
    for row in column.index[column.isna()]:
        problems.add(
            path,
            "the time is missing: exclude the patient with `missing: drop`",
            row=int(row),
            column=endpoint.time,
        )
    for row, time in times[times <= 0].items():
        problems.add(
            path,
            f"the time {time:g} is not positive: exclude the patient with `above: 0`",
            row=int(str(row)),
            column=endpoint.time,
        )
    return times * DAYS_PER[endpoint.unit]


def _events(column: pd.Series, endpoint: Endpoint, path: Path, problems: Problems) -> pd.Series:
    """Declared codes only; 1.0 and 1 are one code, as spreadsheets write them."""
    codes = {_code(text): happened for text, happened in endpoint.codes.items()}
    events = column.map(lambda text: None if text is None else codes.get(_code(text)))
    for row, text in column[events.isna()].items():
        found = "the event is missing" if text is None else f"{text!r} is no declared event code"
        problems.add(
            path,
            f"{found}; declared are {sorted(endpoint.codes)}",
            row=int(str(row)),
            column=endpoint.event,
        )
    return events.fillna(False).astype(bool)


def _code(text: str) -> str:
    return text.removesuffix(".0")


def covariate_values(
    column: pd.Series, covariate: Covariate, path: Path, problems: Problems
) -> pd.Series:
    """Numbers for numeric and ordinal covariates (levels count 1, 2, …), text for categorical ones."""
    if covariate.kind == "numeric":
        return to_number(
            column, path, problems, name=covariate.column, what=f"a number ({covariate.unit})"
        )
    levels = [_code(level) for level in covariate.levels]
    text = column.map(lambda value: None if value is None else _code(value))
    for row, value in text[text.notna() & ~text.isin(levels)].items():
        problems.add(
            path,
            f"{value!r} is not one of the levels {', '.join(levels)}",
            row=int(str(row)),
            column=covariate.column,
        )
    if covariate.kind == "ordinal":
        return text.map({level: float(i) for i, level in enumerate(levels, start=1)}).astype(float)
    return text

"""From the raw patient table to one validated row a patient."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import pandas as pd

from data_modules.genes import nearest
from data_modules.manifest import OF, Covariate, Endpoint, Inclusion, Manifest, code
from data_modules.plausible import MOST, check_unit
from data_modules.problems import Problems
from data_modules.sources import to_number
from data_modules.units import KINDS


def named_columns(manifest: Manifest, endpoint: Endpoint) -> dict[str, str]:
    """Columns that the manifest names, by the key that names them."""
    named = {
        "endpoint time": endpoint.time,
        "endpoint event": endpoint.event,
        "site": manifest.site,
        "subtype": manifest.subtype,
        **{f"covariates.{name}": c.column for name, c in manifest.covariates.items()},
        **{f"include[{i}]": rule.column for i, rule in enumerate(manifest.include, start=1)},
    }
    return {use: column for use, column in named.items() if column}


def check_columns(
    raw: pd.DataFrame,
    named: dict[str, str],
    path: Path,
    problems: Problems,
    *,
    derived: Collection[str] = (),
) -> bool:
    """Reports every column that is named and that the table lacks, with the nearest one.

    Columns of other tables and derived ones have been reported where they were made.

    Returns:
        Whether all are there.
    """
    absent = {use: column for use, column in named.items() if column not in raw.columns}
    for use, column in absent.items():
        if OF not in column and column not in derived:
            hint = nearest(column, raw.columns)
            problems.add(path, f"no such column, named by {use}{hint}", column=column)
    return not absent


def apply_rules(
    raw: pd.DataFrame,
    rules: tuple[Inclusion, ...],
    endpoint: Endpoint,
    having: dict[str, Collection[str]],
    identifier: str,
    path: Path,
    problems: Problems,
) -> tuple[pd.DataFrame, list[tuple[str, int]]]:
    """Applies the inclusion rules in order.

    Args:
        raw: The patient table as text.
        rules: Of the manifest.
        endpoint: The chosen one, for `endpoint: usable`.
        having: Patients by modality that they have, for rules with `has`.
        identifier: Column of the identifier.
        path: For the report.
        problems: Text where a rule compares numbers goes here.

    Returns:
        The rows left, and what each step left.
    """
    flow = [("in the patient table", len(raw))]
    kept = raw
    for rule in rules:
        if rule.has:
            # A modality that could not be read is already among the problems.
            for modality in having.keys() & set(rule.has):
                kept = kept[kept[identifier].isin(having[modality])]
        elif rule.endpoint:
            known = kept[endpoint.event].notna() & kept[endpoint.time].notna()
            # Text that is no number stays, and is refused where times are read.
            usable = ~(pd.to_numeric(kept[endpoint.time], errors="coerce") <= 0)
            kept = kept[known & usable]
        elif rule.values:  # noqa: PD011 - of the manifest, not of a frame
            kept = kept[_has_value(raw[rule.column], rule, path, problems).loc[kept.index]]
        elif rule.above is not None:
            numbers = to_number(
                kept[rule.column], path, problems, name=rule.column, what="a number"
            )
            kept = kept[numbers > rule.above]
        else:
            kept = kept[kept[rule.column].notna()]
        flow.append((rule.describe(), len(kept)))
    return kept, flow


def _has_value(column: pd.Series, rule: Inclusion, path: Path, problems: Problems) -> pd.Series:
    """Which rows a rule with values keeps; a value that nobody in the table has is a problem."""
    values = column.map(code, na_action="ignore")
    wanted = {code(value): value for value in rule.values}  # noqa: PD011
    found = set(values.dropna())
    for unknown in [value for coded, value in wanted.items() if coded not in found]:
        problems.add(
            path,
            f"an inclusion rule asks for {unknown!r}, which no row has{nearest(unknown, found)}",
            column=rule.column,
        )
    return values.isin(list(wanted))


def patient_rows(
    kept: pd.DataFrame,
    manifest: Manifest,
    endpoint: Endpoint,
    name: str,
    path: Path,
    problems: Problems,
) -> pd.DataFrame:
    """The validated table: index patient_id; time_days, event, site, subtype and raw covariates.

    Missing or repeated identifiers, times that are no positive numbers, events without a declared
    code and covariates that are no numbers or no declared level are problems.

    Args:
        kept: Rows of the joined table that the rules leave.
        manifest: Of the cohort.
        endpoint: The chosen one.
        name: Column of the identifier.
        path: Of the patient table.
        problems: Where problems go.
    """
    identifier = kept[name]
    for row in kept.index[identifier.isna()]:
        problems.add(path, "the identifier is missing", row=row, column=identifier.name)
    for row, patient in identifier[identifier.duplicated() & identifier.notna()].items():
        problems.add(path, f"patient {patient!r} has two rows", row=row, column=identifier.name)
    table = pd.DataFrame(
        {
            "time_days": _times(kept[endpoint.time], endpoint, path, problems),
            "event": _events(kept[endpoint.event], endpoint, path, problems),
            "site": kept[manifest.site] if manifest.site else None,
            "subtype": kept[manifest.subtype] if manifest.subtype else None,
            **{
                covariate: covariate_values(kept[c.column], c, path, problems)
                for covariate, c in manifest.covariates.items()
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
            row=row,
            column=endpoint.time,
        )
    for row, time in times[times <= 0].items():
        problems.add(
            path,
            f"the time {time:g} is not positive: exclude the patient with `above: 0`",
            row=row,
            column=endpoint.time,
        )
    way = f"(endpoint unit: {endpoint.unit})"
    check_unit(times, endpoint.unit, path, problems, column=endpoint.time, way=way)
    return times * KINDS["time"][endpoint.unit]


def _events(column: pd.Series, endpoint: Endpoint, path: Path, problems: Problems) -> pd.Series:
    """Declared codes only; 1.0 and 1 are one code, as spreadsheets write them."""
    codes = {code(text): happened for text, happened in endpoint.codes.items()}
    events = column.map(lambda text: None if text is None else codes.get(code(text)))
    for row, text in column[events.isna()].items():
        found = "the event is missing" if text is None else f"{text!r} is no declared event code"
        problems.add(
            path,
            f"{found}; declared are {sorted(endpoint.codes)}",
            row=row,
            column=endpoint.event,
        )
    return events.fillna(False).astype(bool)


def covariate_values(
    column: pd.Series, covariate: Covariate, path: Path, problems: Problems
) -> pd.Series:
    """Numbers for numeric and ordinal covariates (levels count 1, 2, …), text for the others."""
    if covariate.kind == "numeric":
        unit = f" ({covariate.unit})" if covariate.unit else ""
        numbers = to_number(column, path, problems, name=covariate.column, what=f"a number{unit}")
        if covariate.log or covariate.unit in MOST:
            for row, number in numbers[numbers < 0].items():
                problems.add(
                    path,
                    f"{number:g} is negative, and the manifest asks for "
                    + ("its logarithm" if covariate.log else f"a number of {covariate.unit}"),
                    row=row,
                    column=covariate.column,
                )
        way = "(declare its unit, and convert it with `derive`)"
        check_unit(numbers, covariate.unit, path, problems, column=covariate.column, way=way)
        return numbers
    levels = {code(level): level for level in covariate.levels}
    text = column.map(code, na_action="ignore")
    for row, value in column[text.notna() & ~text.isin(list(levels))].items():
        problems.add(
            path,
            f"{value!r} is not one of the levels {', '.join(covariate.levels)}",
            row=row,
            column=covariate.column,
        )
    if covariate.kind == "ordinal":
        return text.map({level: float(i) for i, level in enumerate(levels, start=1)}).astype(float)
    return text.map(levels).astype(object).where(text.isin(list(levels)), None)

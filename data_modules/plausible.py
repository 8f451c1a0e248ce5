"""Whether numbers can be what the manifest says they are: an age of 21,000 is in days."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from data_modules.problems import Problems

# Most that a patient can have, by unit; and the unit that larger numbers are probably in.
MOST = {
    "years": (130.0, "days"),
    "months": (1560.0, "days"),
    "days": (47_500.0, "hours"),
    "mm": (500.0, "µm"),
    "cm": (50.0, "mm"),
}
# Medians below which so many known values are probably in a larger unit.
SUSPICIOUS = {"days": (300.0, "months"), "months": (9.0, "years"), "mm": (6.0, "cm")}
ENOUGH = 20


def check_unit(
    numbers: pd.Series, unit: str, path: Path, problems: Problems, *, column: str, way: str
) -> None:
    """Reports every number that no patient can have in this unit.

    Args:
        numbers: As declared; NaN where missing.
        unit: Declared.
        path: For the report.
        problems: Where they go.
        column: For the report.
        way: How the manifest is corrected.
    """
    if unit not in MOST:
        return
    most, other = MOST[unit]
    for row, number in numbers[numbers > most].items():
        told = f"{number:g} cannot be {unit}, of which {most:g} are the most; is it {other}?"
        problems.add(path, f"{told} {way}", row=row, column=column)


def suspicion(numbers: pd.Series, unit: str, name: str) -> str:
    """What looks like another unit without being impossible; nothing where all looks well.

    Example:
        >>> suspicion(pd.Series([1.5, 2.0, 2.5] * 10), "mm", "size")
        'size: half of the values are below 2 mm; are they cm?'
    """
    if unit not in SUSPICIOUS or numbers.notna().sum() < ENOUGH:
        return ""
    least, other = SUSPICIOUS[unit]
    median = float(numbers.median())
    if median >= least:
        return ""
    return f"{name}: half of the values are below {median:.3g} {unit}; are they {other}?"

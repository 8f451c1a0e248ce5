from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from data_modules.plausible import ENOUGH, MOST, SUSPICIOUS, check_unit, suspicion
from data_modules.problems import BadInput, Problems
from data_modules.units import KINDS


@pytest.mark.parametrize(
    ("unit", "most", "other"),
    [
        ("years", 130, "days"),
        ("months", 1560, "days"),
        ("days", 47500, "hours"),
        ("mm", 500, "µm"),
        ("cm", 50, "mm"),
    ],
)
def test_numbers_that_no_patient_can_have_are_told_with_the_unit_they_may_be_in(
    unit, most, other
) -> None:
    numbers = pd.Series([0.0, most, most + 1, np.nan, 1e9], index=[2, 3, 4, 6, 7])
    problems = Problems()
    check_unit(numbers, unit, Path("a.csv"), problems, column="x", way="(so)")
    assert [(p.row, p.column) for p in problems.found] == [(4, "x"), (7, "x")]
    told = f"{most + 1:g} cannot be {unit}, of which {most:g} are the most; is it {other}? (so)"
    assert problems.found[0].message == told


def test_every_unit_has_a_most_and_others_have_none() -> None:
    assert set(MOST) == {unit for sizes in KINDS.values() for unit in sizes}
    problems = Problems()
    check_unit(pd.Series([1e9]), "count", Path("a.csv"), problems, column="x", way="")
    assert not problems.found


@pytest.mark.parametrize("unit", SUSPICIOUS)
def test_medians_that_are_too_low_are_a_note(unit) -> None:
    least, other = SUSPICIOUS[unit]
    low = pd.Series([np.nan] + [least * 0.9] * ENOUGH)
    told = f"x: half of the values are below {least * 0.9:.3g} {unit}; are they {other}?"
    assert suspicion(low, unit, "x") == told
    assert suspicion(pd.Series([least] * ENOUGH), unit, "x") == ""
    assert suspicion(low[:ENOUGH], unit, "x") == ""  # too few to say
    assert suspicion(low, "years", "x") == ""


def test_an_age_in_days_is_refused_in_years(load, edit) -> None:
    edit("clinical.csv", "1,41,", "1,21000,")
    with pytest.raises(BadInput) as error:
        load()
    assert "clinical.csv, row 3, column age: 21000 cannot be years" in str(error.value)
    assert "is it days? (declare its unit, and convert it with `derive`)" in str(error.value)


@pytest.mark.parametrize(("unit", "most"), [("months", 1560), ("cm", 50), ("mm", 500)])
def test_covariates_of_other_units(load, edit, unit, most) -> None:
    edit("clinical.csv", "1,41,", f"1,{most}.5,")
    covariate = {"column": "age", "kind": "numeric", "unit": unit}
    with pytest.raises(BadInput, match=rf"row 3, column age: {most}\.5 cannot be {unit}"):
        load(covariates={"age": covariate})
    edit("clinical.csv", f"1,{most}.5,", "1,-1,")
    with pytest.raises(BadInput, match=rf"-1 is negative.*a number of {unit}"):
        load(covariates={"age": covariate})


def _endpoint(unit: str) -> dict[str, object]:
    return {"OS": {"time": "months", "unit": unit, "event": "dead", "codes": {1: True, 0: False}}}


def test_a_time_in_days_that_is_said_to_be_in_years_is_refused(load, edit) -> None:
    edit("clinical.csv", "P01,LumA,4,", "P01,LumA,2190,")
    with pytest.raises(BadInput, match=r"row 3, column months: 2190 cannot be years.*is it days"):
        load(endpoints=_endpoint("years"))
    with pytest.raises(BadInput, match=r"2190 cannot be months.*\(endpoint unit: months\)"):
        load(endpoints=_endpoint("months"))
    assert load(endpoints=_endpoint("days")).table.loc["P01", "time_days"] == 2190


def test_times_and_sizes_in_a_suspicious_unit_are_noted(load) -> None:
    assert load(endpoints=_endpoint("months")).notes == ()
    [note] = load(endpoints=_endpoint("days")).notes
    assert note == "months: half of the values are below 12.5 days; are they months?"


def test_a_covariate_in_a_suspicious_unit_is_noted(load) -> None:
    size = {"column": "grade", "kind": "numeric", "unit": "mm"}
    [note] = load(covariates={"size": size}).notes
    assert note.startswith("size: half of the values are below 2 mm; are they cm?")

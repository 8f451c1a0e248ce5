from __future__ import annotations

import pytest

from data_modules.manifest import load_manifest
from data_modules.problems import BadInput

AGE = {"columns": ["age"], "read": "number"}


@pytest.mark.parametrize(
    ("replaced", "message"),
    [
        ({"tables": {"a::b": {"path": "x"}}}, "tables.a::b: the name of a table has no '::' in it"),
        ({"tables": {"": {"path": "x"}}}, "tables.: the name of a table has no"),
        ({"tables": {"a": {"path": "x", "format": "exel"}}}, "tables.a.format: 'exel' is not one"),
        ({"derive": {"a::b": AGE}}, "derive.a::b: the name of a column has no '::' in it"),
        ({"derive": {"time_days": AGE}}, "derive.time_days: give it another name"),
        ({"derive": {"x": {"columns": []}}}, "derive.x.columns: names the columns that it is made"),
        ({"derive": {"x": {"columns": ["a", "b", "a"]}}}, "derive.x.columns: 'a' stands twice"),
        (
            {"derive": {"x": AGE, "y": {"columns": ["x"]}}},
            "derive.y.columns: 'x' is derived itself: name the columns of tables",
        ),
        ({"derive": {"age": AGE}}, "derive.age.columns: 'age' is derived itself"),
        (
            {"derive": {"x": {"columns": ["a", "b"], "read": "nottingham"}}},
            "derive.x.columns: nottingham reads one sum or three scores, found 2 columns",
        ),
        ({"derive": {"x": {"columns": ["a"], "read": "gread"}}}, "did you mean grade"),
        (
            {"derive": {"x": {**AGE, "unit": "days", "to": "mm"}}},
            "derive.x: days and mm do not measure the same",
        ),
        (
            {"derive": {"x": {**AGE, "unit": "cm", "units": {"age": "days"}}}},
            "derive.x: cm and days do not measure the same",
        ),
        (
            {"derive": {"x": {**AGE, "unit": "days", "units": {"agee": "days"}}}},
            "derive.x.units: 'agee' is not among the columns; did you mean age?",
        ),
        ({"derive": {"x": {**AGE, "units": {"age": "days"}}}}, "derive.x: `units` needs `to`"),
        ({"derive": {"x": {**AGE, "tolerance": -1}}}, "derive.x.tolerance: is 0 or more, found -1"),
        (
            {"derive": {"x": {"columns": ["age"], "read": "grade", "unit": "mm"}}},
            "derive.x: only `read: number` has units and a tolerance",
        ),
        (
            {"derive": {"x": {"columns": ["age"], "tolerance": 1}}},
            "derive.x: only `read: number` has units and a tolerance",
        ),
        (
            {
                "derive": {"x": {**AGE, "unit": "days", "to": "months"}},
                "covariates": {"age": {"column": "x", "kind": "numeric", "unit": "years"}},
            },
            "covariates.age.unit: is years, and derive.x makes months",
        ),
        (
            {
                "derive": {"x": {**AGE, "unit": "days"}},
                "endpoints": {
                    "OS": {"time": "x", "unit": "months", "event": "dead", "codes": {1: True}}
                },
            },
            "endpoints.OS.unit: is months, and derive.x makes days",
        ),
    ],
)
def test_what_no_table_could_make_true_is_refused_when_the_manifest_is_read(
    write, replaced, message
) -> None:
    path = write(**replaced)
    with pytest.raises(BadInput) as error:
        load_manifest(path)
    assert message in str(error.value)


def test_everything_is_told_at_once(write) -> None:
    path = write(
        tables={"a::b": {"path": "x"}},
        derive={"event": AGE, "x": {"columns": []}, "y": {**AGE, "unit": "cm", "to": "days"}},
        endpoint="PFI",
    )
    with pytest.raises(BadInput, match=r"^5 problems"):
        load_manifest(path)


@pytest.mark.parametrize(
    "entry",
    [
        AGE,
        {**AGE, "to": "mm"},  # the cells say their unit
        {**AGE, "unit": "days", "to": "years", "tolerance": 1},
        {**AGE, "columns": ["age", "b"], "units": {"age": "days", "b": "years"}, "to": "years"},
        {"columns": ["a", "b", "c"], "read": "nottingham"},
        {"columns": ["a"], "read": "nottingham"},
        {"columns": ["a", "other::a"]},
    ],
)
def test_what_is_well_declared_is_read(write, entry) -> None:
    years = {"age": {"column": "x", "kind": "numeric", "unit": "count"}}
    manifest = load_manifest(write(derive={"x": entry}, covariates=years))
    assert manifest.derive["x"].columns == tuple(entry["columns"])

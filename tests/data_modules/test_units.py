from __future__ import annotations

import math
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_modules.manifest import UnitName
from data_modules.units import KINDS, SPELLINGS, converted, kind_of

UNITS = [unit for sizes in KINDS.values() for unit in sizes]


def test_a_manifest_may_name_every_unit() -> None:
    assert set(get_args(UnitName)) == {"", *UNITS}
    assert set(SPELLINGS.values()) <= set(UNITS)


@given(
    st.floats(0, 1e6),
    st.sampled_from([(a, b) for sizes in KINDS.values() for a in sizes for b in sizes]),
)
def test_there_and_back(number, units) -> None:
    one, other = units
    back = converted(converted(number, one, other), other, one)
    assert math.isclose(back, number, rel_tol=1e-12, abs_tol=1e-300)


@pytest.mark.parametrize(
    ("number", "written", "wanted", "expected"),
    [
        (365.25, "days", "years", 1.0),
        (12, "mos", "years", 1.0),
        (1, "yr", "days", 365.25),
        (2.3, "cm", "mm", 23.0),
        (5, "", "", 5.0),
        (5, "month", "months", 5.0),
    ],
)
def test_what_a_number_becomes(number, written, wanted, expected) -> None:
    assert converted(number, written, wanted) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("written", "wanted", "message"),
    [
        ("cm", "days", "is in cm, which cannot be brought to days"),
        ("μm", "mm", "is in μm, which cannot be brought to mm"),
        ("mm", "", "is in mm, which cannot be brought to a number without a unit: declare `to`"),
        ("", "mm", "has no unit, and mm are wanted: declare `unit`"),
    ],
)
def test_units_that_do_not_meet_are_refused(written, wanted, message) -> None:
    with pytest.raises(ValueError, match=message):
        converted(1.0, written, wanted)


def test_a_unit_of_nobody_measures_nothing() -> None:
    assert [kind_of(unit) for unit in ("mm", "days", "count", "")] == ["length", "time", "", ""]

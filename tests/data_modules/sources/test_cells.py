from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_modules.sources.cells import duplicates, split, to_floats, whole_numbers


@pytest.mark.parametrize(
    ("cells", "wrong"),
    [
        (["1", "2e3", "-4.5", " 7"], None),
        (["1", "NA", "", "nan", "--"], None),
        (["1", "1,5"], 1),
        (["", "NA", "high"], 2),
        (["1", "-inf"], 1),
        (["1_000"], 0),
        (["0x10"], 0),
    ],
)
def test_what_is_a_number(cells, wrong) -> None:
    numbers, found = to_floats(cells)
    assert found == wrong
    assert len(numbers) == len(cells)


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), max_size=9))
def test_numbers_come_back_as_they_were_written(values) -> None:
    numbers, wrong = to_floats([repr(value) for value in values])
    assert wrong is None
    assert numbers.tolist() == values


@pytest.mark.parametrize(
    ("line", "cells"),
    [
        (b"a\tb\r\n", ["a", "b"]),
        (b'"a\tb"\tc\n', ["a\tb", "c"]),
        (b"a\t\t\n", ["a", "", ""]),
        (b"\n", [""]),
    ],
)
def test_cells_of_a_line(line, cells) -> None:
    assert split(line, "\t") == cells


@given(st.lists(st.integers(0, 10**9), min_size=1, max_size=20))
def test_whole_numbers_are_read_quickly_and_rightly(values) -> None:
    text = "\t".join(map(str, values)).encode()
    numbers = whole_numbers(text, "\t", len(values))
    assert numbers is not None
    assert numbers.tolist() == values


@pytest.mark.parametrize("cells", [b"1\t2.5", b"1\t", b"1\tx", b"1 2\t3", b"", b"1\t\t3"])
def test_what_is_no_whole_number_is_left_to_others(cells) -> None:
    count = cells.count(b"\t") + 1
    assert whole_numbers(cells, "\t", count) is None


def test_no_name_stands_twice() -> None:
    assert duplicates(["a", "b"]) == []
    assert np.array(duplicates(["b", "a", "b", "b"])).tolist() == ["b"]

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_modules.derive import derive
from data_modules.manifest import Derived
from data_modules.problems import Problems

Cells = list[str | None]


def make(entry: Derived, *columns: Cells) -> tuple[Cells, list[str], list[str]]:
    """Cells, notes and problems of a column derived from `a`, `b`, …; rows count from 2."""
    names = entry.columns
    rows = range(2, len(columns[0]) + 2)
    table = pd.DataFrame(
        dict(zip(names, columns, strict=True)), index=rows, columns=list(names), dtype=object
    )
    problems = Problems()
    made, notes = derive("x", entry, table, Path("a.csv"), problems)
    assert made.index.tolist() == list(rows)
    return made.tolist(), notes, [str(problem) for problem in problems.found]


def test_the_first_that_is_known_counts() -> None:
    entry = Derived(("a", "b", "c"), "t_stage")
    a, b, c = ["T1c", None, "TX", None], ["T1", "T2b", None, None], [None, "T2", "T4d", "TX"]
    assert make(entry, a, b, c) == (["1", "2", "4", None], [], [])


def test_contradictions_are_refused_with_what_each_column_says() -> None:
    entry = Derived(("a", "b", "c"), "receptor")
    _, notes, problems = make(entry, ["Positive", "+"], ["neg", "pos"], [None, "1"])
    assert notes == []
    assert problems == [
        "a.csv, row 2, column x: a says positive, b says negative: declare `conflicts: first` or "
        "`conflicts: missing` to go on"
    ]


@pytest.mark.parametrize(
    ("conflicts", "cell", "outcome"),
    [("first", "positive", "the first is taken"), ("missing", None, "counted as missing")],
)
def test_contradictions_that_are_settled_are_noted(conflicts, cell, outcome) -> None:
    entry = Derived(("a", "b"), "receptor", conflicts=conflicts)
    made, notes, problems = make(entry, ["+", None, "-"], ["-", "+", "-"])
    assert made == [cell, "positive", "negative"]
    assert problems == []
    assert notes == [f"x: 1 conflicts between its columns, {outcome} (row 2)"]
    _, [note], _ = make(entry, ["+"] * 6, ["-"] * 6)
    assert note.endswith("(row 2, row 3, row 4, row 5 and 2 more)")


def test_a_word_that_is_not_understood_is_told_with_its_own_column() -> None:
    made, _, problems = make(Derived(("a", "b"), "grade"), ["G5", "G2"], ["2", "two"])
    assert made == ["2", "2"]
    assert [problem.partition(" is no grade")[0] for problem in problems] == [
        "a.csv, row 2, column a: 'G5'", "a.csv, row 3, column b: 'two'"
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("tolerance", "conflicts"), [(0.0, 3), (0.9, 2), (1.0, 1), (1.5, 0)], ids=str
)
def test_numbers_may_differ_by_the_tolerance(tolerance, conflicts) -> None:
    entry = Derived(("a", "b"), "number", tolerance=tolerance)
    made, _, problems = make(entry, ["50", "50", "50", "50"], ["50.0", "50.5", "49", "51.5"])
    assert made == ["50"] * 4
    assert len(problems) == conflicts


def test_units_are_brought_to_the_one_wanted() -> None:
    age = Derived(("a", "b"), "number", unit="years", units={"b": "days"}, tolerance=0.01)
    assert make(age, ["50", None], ["18262.5", "3652.5"]) == (["50", "10"], [], [])
    size = Derived(("a",), "number", unit="cm", to="mm")
    assert make(size, ["2.3", None]) == (["23", None], [], [])


def test_a_unit_in_the_cell_counts_more_than_the_declared_one() -> None:
    size = Derived(("a",), "number", unit="cm", to="mm")
    assert make(size, ["23 mm", "2.3 cm", "2.3"]) == (["23"] * 3, [], [])
    bare = Derived(("a",), "number", to="mm")
    made, _, problems = make(bare, ["23 mm", "2.3"])
    assert made == ["23", None]
    assert problems == [
        "a.csv, row 3, column a: '2.3' has no unit, and mm are wanted: declare `unit`"
    ]


@pytest.mark.parametrize(
    ("cell", "told"),
    [
        ("23 µm", "is in μm, which cannot be brought to mm"),
        ("3 days", "is in days, which cannot be brought to mm"),
        ("2,3", "is not a number: write the decimal point as a point"),
        ("<5", "is not a number"),
    ],
)
def test_numbers_that_cannot_be_brought_there_are_refused(cell, told) -> None:
    made, _, problems = make(Derived(("a",), "number", unit="cm", to="mm"), [cell])
    assert made == [None]
    assert problems == [f"a.csv, row 2, column a: {cell!r} {told}"]


def test_three_scores_make_a_grade_and_two_make_none() -> None:
    entry = Derived(("a", "b", "c"), "nottingham")
    scores = (["1", "2", "3", None], ["1", "2", "3", "3"], ["1", "(score = 2) 6 to 10", "3", "3"])
    assert make(entry, *scores) == (["1", "2", "3", None], [], [])
    made, _, problems = make(entry, ["4"], ["3"], ["3"])
    assert made == [None]
    assert problems == ["a.csv, row 2, column a: '4' is no Nottingham score of 1 to 3"]
    assert make(Derived(("a",), "nottingham"), ["3", "7", "9"])[0] == ["1", "2", "3"]


KNOWN = st.lists(st.sampled_from([None, "LumA", "BRCA_LumA", "LumB", "Basal", "NC"]), min_size=3)


@given(KNOWN, st.randoms(use_true_random=False))
def test_where_conflicts_are_missing_the_order_of_columns_means_nothing(cells, random) -> None:
    names = tuple(f"c{i}" for i in range(len(cells)))
    entry = Derived(names, "pam50", conflicts="missing")
    made, notes, problems = make(entry, *[[cell] for cell in cells])
    random.shuffle(cells)
    assert make(entry, *[[cell] for cell in cells]) == (made, notes, problems)
    told = {cell.removeprefix("BRCA_") for cell in cells if cell not in {None, "NC"}}
    assert made == [told.pop() if len(told) == 1 else None]

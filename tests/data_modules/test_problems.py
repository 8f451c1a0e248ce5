from __future__ import annotations

import pickle

import pytest

from data_modules.problems import SHOWN, BadInput, Problems


def test_problems_wait_until_all_are_found() -> None:
    problems = Problems()
    problems.raise_if_any()
    problems.add("a.csv", "first", row=3, column="x")
    problems.add("b.csv", "second")
    with pytest.raises(BadInput) as error:
        problems.raise_if_any()
    assert str(error.value).splitlines() == [
        "2 problems with the input:",
        "  a.csv, row 3, column x: first",
        "  b.csv: second",
    ]
    assert error.value.problems[0].row == 3


def test_a_long_run_of_rows_is_cut_and_counted() -> None:
    problems = Problems()
    for row in range(2, 32):
        problems.add("a.csv", "wrong", row=row, column="x")
    with pytest.raises(BadInput) as error:
        problems.raise_if_any()
    lines = str(error.value).splitlines()
    assert lines[0] == "30 problems with the input:"
    assert len(lines) == 1 + SHOWN + 1
    assert lines[-1] == f"  a.csv, column x: {30 - SHOWN} more rows like these"


def test_many_files_of_a_folder_are_cut_and_counted_and_columns_are_not() -> None:
    problems = Problems()
    for i in range(20):
        problems.add(f"slides {{x}}/{i}.h5", "empty")
        problems.add("matrix.tsv", "no row for this gene", column=f"G{i}")
    with pytest.raises(BadInput) as error:
        problems.raise_if_any()
    lines = str(error.value).splitlines()
    assert sum("no row for this gene" in line for line in lines) == 20
    assert sum("empty" in line for line in lines) == SHOWN
    assert lines[-1] == f"  slides {{x}}: {20 - SHOWN} more files like these"


def test_problems_of_a_whole_column_do_not_count_as_rows() -> None:
    problems = Problems()
    problems.add("a.csv", "misnamed", column="x")
    for row in range(2, 2 + SHOWN):
        problems.add("a.csv", "wrong", row=row, column="x")
    with pytest.raises(BadInput) as error:
        problems.raise_if_any()
    assert len(str(error.value).splitlines()) == 1 + 1 + SHOWN


def test_bad_input_reaches_another_process_whole() -> None:
    problems = Problems()
    problems.add("a.csv", "wrong", row=3, column="x")
    error = BadInput(problems.found)
    there = pickle.loads(pickle.dumps(error))
    assert str(there) == str(error)
    assert there.problems == error.problems

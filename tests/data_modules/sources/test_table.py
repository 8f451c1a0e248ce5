from __future__ import annotations

import pandas as pd
import pytest

from data_modules.problems import Problems
from data_modules.sources.table import read_table, to_number


def read(path, content: str | bytes) -> tuple[pd.DataFrame | None, list[str]]:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    problems = Problems()
    table = read_table(path, problems)
    return table, [str(problem).replace(f"{path}", path.name) for problem in problems.found]


@pytest.mark.parametrize(
    "content",
    [
        "id,age\nP1,50\nP2,\n",
        "\ufeffid,age\nP1,50\nP2,\n",
        "id,age\r\nP1,50\r\nP2,\r\n",
        '"id","age"\n"P1","50"\n"P2",""\n',
        " id , age\nP1 , 50\nP2, NA",
        ",id,age\n1,P1,50\n2,P2,\n",
    ],
    ids=["plain", "byte order mark", "CRLF", "quoted", "spaces, no last newline", "row names"],
)
def test_the_same_table_however_it_was_saved(tmp_path, content) -> None:
    table, problems = read(tmp_path / "a.csv", content)
    assert problems == []
    assert list(table.columns) == ["id", "age"]
    assert table.to_numpy().tolist() == [["P1", "50"], ["P2", None]]
    assert table.index.tolist() == [2, 3]


@pytest.mark.parametrize("suffix", [".tsv", ".txt", ".TSV"])
def test_tabs_by_suffix(tmp_path, suffix) -> None:
    table, problems = read(tmp_path / f"a{suffix}", "id\tnote\nP1\ta, b\n")
    assert problems == []
    assert table.loc[2, "note"] == "a, b"


def test_rows_are_lines_of_the_file(tmp_path) -> None:
    content = 'id,note\n\nP1,"two\nlines, and a comma"\n,\nP2,x\n\n'
    table, problems = read(tmp_path / "a.csv", content)
    assert problems == []
    assert table["id"].to_dict() == {3: "P1", 6: "P2"}
    assert table.loc[3, "note"] == "two\nlines, and a comma"


@pytest.mark.parametrize("word", ["", "NA", "NaN", "null", "--", "[Not Available]", " N/A "])
def test_what_counts_as_missing(tmp_path, word) -> None:
    table, _ = read(tmp_path / "a.csv", f"id,age\nP1,{word}\n")
    assert table.loc[2, "age"] is None


def test_text_is_not_turned_into_numbers(tmp_path) -> None:
    table, _ = read(tmp_path / "a.csv", "id,code\n007,1.0\nTrue,1e3\n")
    assert table.to_numpy().tolist() == [["007", "1.0"], ["True", "1e3"]]


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("", ["a.csv: the file is empty"]),
        ("id,age\n", ["a.csv: the table has a header and no rows"]),
        ("\nid,age\nP1,3\n", ["a.csv, row 1: the first row is empty; it must name the columns"]),
        ("a,b,a,b\n1,2,3,4\n", ["column a: the header names this", "column b: the header names"]),
        (
            "id,age\nP1,50,3\n\nP2\nP3,4\n",
            ["a.csv, row 2: 3 cells, the header has 2", "a.csv, row 4: 1 cells, the header has 2"],
        ),
        ('id,age\nP1,3\n"P2,4\n', ["a.csv, row 3: cannot be read as a table"]),
        (b"id,age\nP\xe9,3\n", ["a.csv: cannot be read as a table"]),
    ],
)
def test_what_cannot_be_read_is_told_with_its_row(tmp_path, content, told) -> None:
    table, problems = read(tmp_path / "a.csv", content)
    assert table is None
    assert len(problems) == len(told)
    for problem, words in zip(problems, told, strict=True):
        assert words in problem


def test_a_file_that_is_not_there_or_is_a_folder(tmp_path) -> None:
    problems = Problems()
    assert read_table(tmp_path / "none.csv", problems) is None
    assert read_table(tmp_path, problems) is None
    assert [p.message[:22] for p in problems.found] == [
        "the file does not exis", "cannot be read as a ta"
    ]  # fmt: skip


def test_numbers_and_what_is_none(tmp_path) -> None:
    words = ["1.5", None, "old", "inf", "-2", "1,5", "1e400", "0x1F"]
    column = pd.Series(words, index=range(2, 10), dtype=object)
    problems = Problems()
    numbers = to_number(column, tmp_path / "a.csv", problems, name="age", what="an age")
    assert numbers[[2, 6]].tolist() == [1.5, -2.0]
    assert [(p.row, p.column) for p in problems.found] == [(r, "age") for r in (4, 5, 7, 8, 9)]
    assert problems.found[0].message == "'old' is not an age"
    assert pd.isna(numbers[3])

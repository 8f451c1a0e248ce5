from __future__ import annotations

import sys

import pandas as pd
import pytest

from data_modules.problems import Problems
from data_modules.sources import read_table
from data_modules.sources.parquet import read_parquet

FRAME = pd.DataFrame(
    {
        "id": ["P1", "P2", "P3"],
        "age": [50.0, None, 61.5],
        "count": [1, 2, 3],
        "known": [True, False, True],
        "note": ["a, b", None, " NA "],
    }
)


def read(path) -> tuple[pd.DataFrame | None, list[str]]:
    problems = Problems()
    table = read_table(path, problems)
    return table, [str(problem).replace(f"{path}", path.name) for problem in problems.found]


@pytest.fixture
def holding(tmp_path, monkeypatch):  # noqa: ANN201 - a function of a table
    """`holding(table)`: a file that reads as this table, whether or not pyarrow is installed."""

    def hold(frame: pd.DataFrame):  # noqa: ANN202
        path = tmp_path / "a.parquet"
        path.write_bytes(b"PAR1")
        monkeypatch.setattr(pd, "read_parquet", lambda *_, **__: frame)
        return path

    return hold


def test_cells_are_the_text_that_a_csv_would_hold(holding, tmp_path) -> None:
    table, problems = read(holding(FRAME))
    assert problems == []
    FRAME.to_csv(tmp_path / "a.csv", index=False)
    pd.testing.assert_frame_equal(table, read(tmp_path / "a.csv")[0])
    assert table.index.tolist() == [2, 3, 4]


def test_the_same_through_a_real_file(tmp_path) -> None:
    pytest.importorskip("pyarrow", reason="Parquet is read where pyarrow is installed")
    FRAME.to_parquet(tmp_path / "a.parquet")
    FRAME.to_csv(tmp_path / "a.csv", index=False)
    pd.testing.assert_frame_equal(read(tmp_path / "a.parquet")[0], read(tmp_path / "a.csv")[0])
    content = (tmp_path / "a.parquet").read_bytes()
    for length in range(0, len(content), 97):
        (tmp_path / "a.parquet").write_bytes(content[:length])
        table, [problem] = read(tmp_path / "a.parquet")
        assert table is None
        assert "a.parquet: cannot be read as Parquet" in problem


def test_row_names_that_have_a_name_are_a_column(holding) -> None:
    table, problems = read(holding(FRAME.set_index("id")))
    assert problems == []
    assert table["id"].tolist() == ["P1", "P2", "P3"]


def test_names_lists_and_bytes_of_other_writers(holding) -> None:
    frame = pd.DataFrame([[b"P1", [1, 2], 3.0]], columns=[" id ", "list", ""])
    table, problems = read(holding(frame))
    assert problems == []
    assert table.to_dict("records") == [{"id": "P1", "list": "[1, 2]"}]


def test_bytes_that_are_no_text_and_repeated_names_are_refused(holding) -> None:
    table, [problem] = read(holding(pd.DataFrame({"id": [b"P\xe9"]})))
    assert table is None
    assert "a.parquet: text that is no UTF-8" in problem
    table, problems = read(holding(pd.DataFrame([[1, 2, 3]], columns=["b", "a", " a"])))
    assert table is None
    assert problems == ["a.parquet, column a: the table has this column twice"]
    table, problems = read(holding(FRAME.head(0)))
    assert table is None
    assert problems == ["a.parquet: the table has a header and no rows"]


def test_without_pyarrow_the_way_out_is_told(tmp_path, monkeypatch) -> None:
    (tmp_path / "a.parquet").write_bytes(b"PAR1")
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    table, [problem] = read(tmp_path / "a.parquet")
    assert table is None
    assert "needs the package pyarrow: install it, or save the table as CSV" in problem


def test_a_file_that_is_not_there(tmp_path) -> None:
    problems = Problems()
    assert read_parquet(tmp_path / "none.parquet", problems) is None
    assert "does not exist" in str(problems.found[0])

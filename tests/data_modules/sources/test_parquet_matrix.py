from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from data_modules.problems import Problems
from data_modules.sources.expression_table import read_expression_table
from data_modules.sources.matrix import RawMatrix

ROWS = pd.DataFrame(
    {"gene": ["XYZ", "NUF2", "__ambiguous", "ESR1"], "P1": [5, 3, 9, 1], "P2": [6, 4, 9, np.nan]}
)


@pytest.fixture
def read(tmp_path, monkeypatch):  # noqa: ANN201 - a function with keywords of its own
    """`read(frame, **keys)`: as if an engine had read the frame from a file."""

    def give(frame: pd.DataFrame | Exception, **keys: object) -> tuple[RawMatrix | None, list[str]]:
        def engine(path: object) -> pd.DataFrame:
            if isinstance(frame, Exception):
                raise frame
            return frame

        monkeypatch.setattr(pd, "read_parquet", engine)
        problems = Problems()
        path = tmp_path / "m.parquet"
        raw = read_expression_table(path, ("ESR1", "NUF2"), problems, **keys)
        return raw, [str(problem).removeprefix(f"{path}") for problem in problems.found]

    return give


@pytest.mark.parametrize("indexed", [True, False])
@pytest.mark.parametrize("genes_in", ["rows", "columns"])
def test_frames_of_either_direction(read, indexed, genes_in) -> None:
    frame = ROWS.set_index("gene")
    frame = frame if genes_in == "rows" else frame.T.rename_axis("id")
    raw, problems = read(frame if indexed else frame.reset_index(), genes_in=genes_in)
    assert problems == []
    assert raw.samples == ["P1", "P2"]
    np.testing.assert_array_equal(raw.genes["ESR1"][0].numbers, [1, np.nan])
    place = raw.place(raw.genes["ESR1"][0], 0)
    assert place == (5 if genes_in == "rows" else 2)


def test_sums_are_over_genes(read) -> None:
    assert read(ROWS, totals="all")[0].totals.tolist() == [9, 10]
    assert read(ROWS, totals="probe_log2")[0].totals.tolist() == [31 + 7 + 1, 63 + 15]


@pytest.mark.parametrize(
    ("frame", "told"),
    [
        (ROWS.astype(object).replace(3, "three"), ", row 3, column NUF2: 'three' of sample P1"),
        (ROWS.iloc[:0], ": the table holds no values"),
        (ROWS.rename(columns={"P2": "P1"}), ", row 1, column P1: the header names this sample twi"),
        (ImportError("no engine"), ": Parquet is read with pyarrow: pip install pyarrow, or save"),
        (FileNotFoundError(), ": the file does not exist"),
        (RuntimeError("magic bytes"), ": cannot be read as Parquet: magic bytes"),
    ],
)
def test_what_is_wrong_is_told(read, frame, told) -> None:
    _, problems = read(frame)
    assert told in problems[0]

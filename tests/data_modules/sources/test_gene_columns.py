from __future__ import annotations

import numpy as np
import pytest

from data_modules.problems import Problems
from data_modules.sources.gene_columns import read_columns
from data_modules.sources.matrix import Layout, RawMatrix

PLAIN = "id,ESR1,N_unmapped,XYZ,NUF2\nP1,1,99,5,3\n\nP2,2,99,,4\n"


def read(path, content: str, **keys) -> tuple[RawMatrix | None, list[str]]:
    path.write_text(content)
    problems = Problems()
    raw = read_columns(
        path, ("ESR1", "NUF2"), lambda header: Layout((0,)), problems, separator=",", **keys
    )
    return raw, [str(problem).removeprefix(f"{path}, ") for problem in problems.found]


@pytest.mark.parametrize(
    ("totals", "sums"),
    [
        ("none", [np.nan, np.nan]),
        ("probe", [9, 6]),
        ("all", [9, 6]),
        ("probe_log2", [1 + 31 + 7, 3 + 15]),
    ],
)
def test_sums_are_over_genes_that_are_genes(tmp_path, totals, sums) -> None:
    raw, problems = read(tmp_path / "m.csv", PLAIN, totals=totals)
    assert problems == []
    np.testing.assert_allclose(raw.totals, sums)


def test_the_line_of_a_value_is_known(tmp_path) -> None:
    raw, _ = read(tmp_path / "m.csv", PLAIN)
    assert raw.lines == [2, 4]
    assert raw.place(raw.genes["NUF2"][0], 1) == 4


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("P1,1", "P1,one", "row 2, column ESR1: 'one' of sample P1 is not a finite number"),
        ("P1,1", "P1", "row 2: 4 cells, the header has 5"),
        ("P2,2", "P1,2", "row 4: sample 'P1' has two rows"),
        ("P2,2", ",2", "row 4: the sample has no name"),
        ("XYZ", "ESR1", "row 1, column ESR1: the header names this gene twice"),
        ("id,ESR1,N_unmapped,XYZ,NUF2", "id", "row 1: the first row names no genes; cells are"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(tmp_path, old, new, told) -> None:
    _, problems = read(tmp_path / "m.csv", PLAIN.replace(old, new))
    assert told in problems[0]


def test_a_header_alone_is_no_table(tmp_path) -> None:
    _, problems = read(tmp_path / "m.csv", "id,ESR1\n")
    assert "the table has a header and no rows" in problems[0]

from __future__ import annotations

import numpy as np
import pytest

from data_modules.problems import Problems
from data_modules.sources.expression_table import read_expression_table
from data_modules.sources.matrix import RawMatrix

GENES = ("ESR1", "NUF2")
ROWS = "gene,type,P1,P2\nXYZ,a,1,1\nCDCA1,b,3,4\nESR1,c,1,2\n"


def read(path, content: str, **keys) -> tuple[RawMatrix | None, list[str]]:
    path.write_text(content)
    problems = Problems()
    raw = read_expression_table(path, GENES, problems, **keys)
    return raw, [str(problem).removeprefix(f"{path}") for problem in problems.found]


@pytest.mark.parametrize(
    ("name", "content", "keys"),
    [
        ("m.csv", ROWS, {"drop": ("type",)}),
        ("m.tsv", ROWS.replace(",", "\t"), {"drop": ("type",)}),
        ("m.csv", ROWS, {"identifier": "gene", "drop": ("type",)}),
        ("m.csv", "P1,gene,P2\n3,NUF2,4\n1,ESR1,2\n", {"identifier": "gene"}),
        ("m.csv", "id,ESR1,XYZ,CDCA1\nP1,1,9,3\nP2,2,9,4\n", {"genes_in": "columns"}),
        (
            "m.csv",
            '"er","id","2099","83540"\n"+","P1","1","3"\n"-","P2","2","4"\n',
            {"genes_in": "columns", "identifier": "id", "drop": ("er",)},
        ),
    ],
)
def test_layouts_that_mean_the_same(tmp_path, name, content, keys) -> None:
    raw, problems = read(tmp_path / name, content, **keys)
    assert problems == []
    assert raw.samples == ["P1", "P2"]
    np.testing.assert_array_equal(raw.genes["NUF2"][0].numbers, [3, 4])
    np.testing.assert_array_equal(raw.genes["ESR1"][0].numbers, [1, 2])


@pytest.mark.parametrize(
    ("content", "keys", "told"),
    [
        (
            ROWS,
            {"drop": ("typ",)},
            ", column typ: no such column, named by genes.id or",
        ),
        (ROWS, {"identifier": "symbol"}, ", column symbol: no such column"),
        (ROWS.replace(",", ";"), {}, ": cells are separated by ';': save the table with commas"),
        (ROWS, {}, ", row 3, column NUF2: 'b' of sample type is not a finite number"),
        (ROWS.replace("3,4", '"3,5",4'), {"drop": ("type",)}, "decimals are written with a point"),
        ("", {}, "the first row names no samples; cells are separated by commas"),
    ],
)
def test_what_is_wrong_is_told(tmp_path, content, keys, told) -> None:
    _, problems = read(tmp_path / "m.csv", content, **keys)
    assert told in problems[0]

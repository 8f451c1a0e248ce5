from __future__ import annotations

import numpy as np
import pytest

from data_modules.problems import Problems
from data_modules.sources.cbioportal_matrix import read_cbioportal
from data_modules.sources.matrix import RawMatrix

GENES = ("ESR1", "NUF2")
PLAIN = (
    "#Identifier\n#more\nHugo_Symbol\tEntrez_Gene_Id\tP1-01\tP2-01\n"
    "XYZ\t7\t1\t1\n\t83540\t3\t4\nESR1\t2099\t1\t2\n"
)


def read(path, content: str) -> tuple[RawMatrix | None, list[str]]:
    path.write_text(content)
    problems = Problems()
    raw = read_cbioportal(path, GENES, problems)
    return raw, [str(problem).removeprefix(f"{path}, ") for problem in problems.found]


SHUFFLED = (
    "P1-01\tEntrez_Gene_Id\tP2-01\tHugo_Symbol\n1\t7\t1\tXYZ\n3\t83540\t4\t\n1\t2099\t2\tESR1\n"
)


@pytest.mark.parametrize(
    "content",
    [
        PLAIN,
        PLAIN.replace("ESR1\t2099", "ESR1\t"),
        PLAIN.replace("ESR1\t2099", "ER\t2099"),
        PLAIN.replace("#Identifier\n#more\n", ""),
        PLAIN.replace("Hugo_Symbol", "HUGO_SYMBOL"),
        SHUFFLED,
        "Entrez_Gene_Id\tP1-01\tP2-01\n7\t1\t1\n83540\t3\t4\n2099\t1\t2\n",
        "Hugo_Symbol\tCytoband\tP1-01\tP2-01\nA\tq\t1\t1\nNUF2\tq\t3\t4\nESR1\tq\t1\t2\n",
    ],
    ids=[
        "plain", "no Entrez", "unknown symbol", "no comment", "capitals", "shuffled columns",
        "Entrez alone", "bands",
    ],
)  # fmt: skip
def test_genes_by_either_name(tmp_path, content) -> None:
    raw, problems = read(tmp_path / "m.txt", content)
    assert problems == []
    assert raw.samples == ["P1-01", "P2-01"]
    np.testing.assert_array_equal(raw.genes["NUF2"][0].numbers, [3, 4])
    np.testing.assert_array_equal(raw.genes["ESR1"][0].numbers, [1, 2])


def test_rows_count_from_the_top_of_the_file(tmp_path) -> None:
    raw, _ = read(tmp_path / "m.txt", PLAIN)
    assert (raw.genes["NUF2"][0].row, raw.genes["NUF2"][0].name) == (5, "83540")


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("Hugo_Symbol\tEntrez_Gene_Id", "gene\tid", "the header names neither Hugo_Symbol nor"),
        ("ESR1\t2099", "ESR1\t83540", "row 6: one row is named ESR1 and 83540, which are two gen"),
        ("83540\t3\t4", "83540\t3", "row 5, column NUF2: 1 values for 2 samples of the header"),
        ("\nXYZ\t7\t1\t1", "\nXYZ", "row 4: 0 values for 2 samples of the header"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(tmp_path, old, new, told) -> None:
    assert old in PLAIN
    _, problems = read(tmp_path / "m.txt", PLAIN.replace(old, new))
    assert told in problems[0]

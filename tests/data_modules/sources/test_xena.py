from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from data_modules.genes import PAM50
from data_modules.problems import Problems
from data_modules.sources.xena import read_xena

GENES = ("ESR1", "NUF2")
PLAIN = "sample\tP1-01\tP2-01\tP3-11\nXYZ\t1\t1\t1\nNUF2\t3\t4\t9\nESR1\t1\t2\t9\n"


def read(
    path, content: str, genes: tuple[str, ...] = GENES, suffix: str = "-01"
) -> tuple[pd.DataFrame | None, list[str]]:
    path.write_bytes(content.encode())
    problems = Problems()
    matrix = read_xena(path, genes, suffix, problems)
    return matrix, [str(problem).removeprefix(f"{path}, ") for problem in problems.found]


@pytest.mark.parametrize(
    "content",
    [
        PLAIN,
        "\ufeff" + PLAIN,
        PLAIN.replace("\n", "\r\n"),
        PLAIN.replace("NUF2", "CDCA1"),
        PLAIN.replace("\nXYZ", "\n\nXYZ") + "\n",
        "\n".join(
            "\t".join(f'"{cell}"' for cell in line.split("\t")) for line in PLAIN.splitlines()
        ),
    ],
    ids=["plain", "byte order mark", "CRLF", "older symbol", "blank lines", "quoted"],
)
def test_patients_by_genes_in_the_order_asked_for(tmp_path, content) -> None:
    matrix, problems = read(tmp_path / "m.tsv", content)
    assert problems == []
    assert matrix.index.tolist() == ["P1", "P2"]
    assert list(matrix.columns) == list(GENES)
    np.testing.assert_array_equal(matrix.to_numpy(), [[1, 3], [2, 4]])


def test_every_older_symbol_of_pam50_is_understood(tmp_path) -> None:
    older = {"ORC6": "ORC6L", "NUF2": "CDCA1", "NDC80": "KNTC2"}
    rows = [f"{older.get(gene, gene)}\t{i % 20}" for i, gene in enumerate(PAM50)]
    content = "\n".join(["sample\tP1", *rows])
    matrix, problems = read(tmp_path / "m.tsv", content, PAM50, suffix="")
    assert problems == []
    assert matrix.loc["P1"].tolist() == [i % 20 for i in range(50)]


def test_a_missing_value_is_missing(tmp_path) -> None:
    matrix, problems = read(tmp_path / "m.tsv", PLAIN.replace("ESR1\t1\t2", "ESR1\tNA\t"))
    assert problems == []
    assert matrix["ESR1"].isna().all()
    assert matrix["NUF2"].tolist() == [3, 4]


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("ESR1", "ESR11", "column ESR1: no row for this gene; did you mean ESR11?"),
        ("XYZ\t1", "CDCA1\t1", "row 3, column NUF2: the gene has two rows"),
        ("\nNUF2\t3", "\nNUF2\tthree", "row 3, column NUF2: 'three' of sample P1-01 is not a fin"),
        ("\nNUF2\t3", "\nNUF2\tinf", "row 3, column NUF2: 'inf' of sample P1-01 is not a finite"),
        ("ESR1\t1\t2", "ESR1\t1\t-2", "row 4, column ESR1: -2 of sample P2-01 cannot be log2(R"),
        ("ESR1\t1\t2", "ESR1\t900\t2", "row 4, column ESR1: 900 of sample P1-01 cannot be log2"),
        ("ESR1\t1\t2", "ESR1\t2", "row 4, column ESR1: 2 values for 3 samples of the header"),
        ("P2-01", "P1-01", "row 1, column P1: two samples of one patient"),
        ("-01", "-06", "no sample ends in '-01'; the first is 'P1-06'"),
        ("sample\tP1-01\tP2-01\tP3-11", "sample", "row 1: the first row names no samples"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(tmp_path, old, new, told) -> None:
    assert old in PLAIN
    _, problems = read(tmp_path / "m.tsv", PLAIN.replace(old, new))
    (problem,) = problems
    assert told in problem


def test_files_that_are_no_matrix(tmp_path) -> None:
    problems = Problems()
    (tmp_path / "zipped.gz").write_bytes(b"\x1f\x8b\xff\xfe")
    (tmp_path / "empty.tsv").touch()
    for name in ("none.tsv", "zipped.gz", "empty.tsv"):
        assert read_xena(tmp_path / name, GENES, "", problems) is None
    assert [problem.message.split(";")[0][:26] for problem in problems.found] == [
        "the file does not exist", "cannot be read as a matrix", "the first row names no sam",
    ]  # fmt: skip

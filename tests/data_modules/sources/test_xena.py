from __future__ import annotations

import numpy as np
import pytest

from data_modules.genes import PAM50
from data_modules.problems import Problems
from data_modules.sources.matrix import RawMatrix
from data_modules.sources.xena import read_xena

GENES = ("ESR1", "NUF2")
PLAIN = "sample\tP1-01\tP2-01\tP3-11\nXYZ\t1\t1\t1\nNUF2\t3\t4\t9\nESR1\t1\t2\t9\n"


def read(path, content: str, genes: tuple[str, ...] = GENES) -> tuple[RawMatrix | None, list[str]]:
    path.write_bytes(content.encode())
    problems = Problems()
    raw = read_xena(path, genes, problems)
    return raw, [str(problem).removeprefix(f"{path}, ") for problem in problems.found]


@pytest.mark.parametrize(
    "content",
    [
        PLAIN,
        "\ufeff" + PLAIN,
        PLAIN.replace("\n", "\r\n"),
        PLAIN.replace("NUF2", "CDCA1"),
        PLAIN.replace("NUF2", "83540").replace("ESR1", "ENSG00000091831.21"),
        PLAIN.replace("NUF2", "NUF2|83540").replace("ESR1", "?|2099"),
        PLAIN.replace("\nXYZ", "\n\nXYZ") + "\n",
        "\n".join(
            "\t".join(f'"{cell}"' for cell in line.split("\t")) for line in PLAIN.splitlines()
        ),
    ],
    ids=[
        "plain", "byte order mark", "CRLF", "older symbol", "identifiers", "with Entrez",
        "blank lines", "quoted",
    ],
)  # fmt: skip
def test_genes_by_samples(tmp_path, content) -> None:
    raw, problems = read(tmp_path / "m.tsv", content)
    assert problems == []
    assert raw.samples == ["P1-01", "P2-01", "P3-11"]
    assert len(raw.seen) == 3
    np.testing.assert_array_equal(raw.genes["NUF2"][0].numbers, [3, 4, 9])
    np.testing.assert_array_equal(raw.genes["ESR1"][0].numbers, [1, 2, 9])


def test_every_older_symbol_of_pam50_is_understood(tmp_path) -> None:
    older = {"ORC6": "ORC6L", "NUF2": "CDCA1", "NDC80": "KNTC2"}
    rows = [f"{older.get(gene, gene)}\t{i % 20}" for i, gene in enumerate(PAM50)]
    raw, problems = read(tmp_path / "m.tsv", "\n".join(["sample\tP1", *rows]), PAM50)
    assert problems == []
    assert [raw.genes[gene][0].numbers.tolist() for gene in PAM50] == [[i % 20] for i in range(50)]


def test_a_missing_value_is_missing(tmp_path) -> None:
    raw, problems = read(tmp_path / "m.tsv", PLAIN.replace("ESR1\t1\t2", "ESR1\tNA\t"))
    assert problems == []
    np.testing.assert_array_equal(raw.genes["ESR1"][0].numbers, [np.nan, np.nan, 9])


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("\nNUF2\t3", "\nNUF2\tthree", "row 3, column NUF2: 'three' of sample P1-01 is not a fin"),
        ("\nNUF2\t3", "\nNUF2\tinf", "row 3, column NUF2: 'inf' of sample P1-01 is not a finite"),
        ("\nNUF2\t3", "\nNUF2\t1_0", "row 3, column NUF2: '1_0' of sample P1-01 is not a finite"),
        ("\nNUF2\t3", "\nNUF2\t3,5", "decimals are written with a point"),
        ("ESR1\t1\t2", "ESR1\t2", "row 4, column ESR1: 2 values for 3 samples of the header"),
        ("XYZ\t1", "XYZ\t1\t1", "row 2: 4 values for 3 samples of the header; R writes a name"),
        ("P2-01", "P1-01", "row 1, column P1-01: the header names this sample twice"),
        ("P2-01", "", "row 1: sample 2 of 3 has no name"),
        ("sample\tP1-01\tP2-01\tP3-11", "sample", "row 1: the first row names no samples"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(tmp_path, old, new, told) -> None:
    assert old in PLAIN
    _, problems = read(tmp_path / "m.tsv", PLAIN.replace(old, new))
    (problem,) = problems
    assert told in problem


def test_a_file_cut_off_within_a_row_that_nobody_asked_for(tmp_path) -> None:
    _, problems = read(tmp_path / "m.tsv", PLAIN + "XYZ2\t1\t")
    assert problems == ["row 5: 2 values for 3 samples of the header"]

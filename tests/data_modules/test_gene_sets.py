from __future__ import annotations

import pytest

from data_modules.gene_sets import read_gene_set
from data_modules.genes import PAM50
from data_modules.problems import Problems


def read(path, content: str) -> tuple[tuple[str, ...], list[str]]:
    path.write_text(content)
    problems = Problems()
    genes = read_gene_set(path.name, path, problems)
    return genes, [str(problem).removeprefix(f"{path}, ") for problem in problems.found]


def test_pam50_needs_no_file(tmp_path) -> None:
    problems = Problems()
    assert read_gene_set("pam50", tmp_path / "pam50", problems) == PAM50
    assert problems.found == []


def test_a_list_under_current_names(tmp_path) -> None:
    content = "# of proliferation\nKNTC2\n\n4288\nENSG00000091831.2\nGATA3\n"
    genes, problems = read(tmp_path / "g.txt", content)
    assert (genes, problems) == (("NDC80", "MKI67", "ESR1", "GATA3"), [])


def test_one_set_of_a_gmt_file(tmp_path) -> None:
    genes, problems = read(tmp_path / "g.gmt", "HALLMARK\thttp://x\tESR1\tPGR\t\n")
    assert (genes, problems) == (("ESR1", "PGR"), [])


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("g.txt", "ESR1\n2099\n", "column ESR1: the gene is listed twice"),
        ("g.txt", "# none\n", "the gene list is empty"),
        ("g.gmt", "A\tx\tESR1\nB\tx\tPGR\n", "holds 2 gene sets; keep the line of the one to use"),
        ("g.gmt", "A\tx\n", "the gene list is empty"),
    ],
)
def test_lists_that_cannot_be_used(tmp_path, name, content, told) -> None:
    _, problems = read(tmp_path / name, content)
    (problem,) = problems
    assert told in problem

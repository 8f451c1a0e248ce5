from __future__ import annotations

import pytest

from data_modules.gene_names import current_symbol
from data_modules.genes import PAM50


def test_there_are_fifty_genes_under_current_symbols() -> None:
    assert len(set(PAM50)) == len(PAM50) == 50
    assert [current_symbol(gene) for gene in PAM50] == list(PAM50)


@pytest.mark.real
def test_they_are_the_genes_of_the_published_table(real_data) -> None:
    lines = (real_data / "pam50" / "pam50_annotation.txt").read_text().splitlines()[1:]
    published = {current_symbol(line.split("\t")[0].strip('"')) for line in lines if line.strip()}
    if not published >= set(PAM50):
        pytest.fail(f"differ: {sorted(published ^ set(PAM50))}")

from __future__ import annotations

import pytest

from data_modules.genes import ALIASES, PAM50, current_symbol


def test_there_are_fifty_genes_under_current_symbols() -> None:
    assert len(set(PAM50)) == len(PAM50) == 50
    assert not set(ALIASES) & set(PAM50)
    assert set(ALIASES.values()) <= set(PAM50)


@pytest.mark.real
def test_they_are_the_genes_of_the_published_table(real_data) -> None:
    lines = (real_data / "pam50" / "pam50_annotation.txt").read_text().splitlines()[1:]
    published = {current_symbol(line.split("\t")[0].strip('"')) for line in lines if line.strip()}
    if not published >= set(PAM50):
        pytest.fail(f"differ: {sorted(published ^ set(PAM50))}")

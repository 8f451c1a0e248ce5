from __future__ import annotations

import pytest

from data_modules.gene_names import ALIASES, ENSEMBL, ENTREZ, IDENTIFIERS, current_symbol
from data_modules.genes import PAM50


def test_every_gene_has_one_identifier_of_each_kind() -> None:
    assert tuple(IDENTIFIERS) == PAM50
    assert len(ENTREZ) == len(ENSEMBL) == 50
    assert all(len(identifier) == len("ENSG00000091831") for identifier in ENSEMBL)


def test_an_older_symbol_is_not_the_current_one_of_another_gene() -> None:
    assert not set(ALIASES) & set(PAM50)
    assert set(ALIASES.values()) <= set(PAM50)


@pytest.mark.parametrize("gene", PAM50)
def test_a_gene_is_known_by_all_its_names(gene) -> None:
    entrez, ensembl = IDENTIFIERS[gene]
    names = [gene, entrez, ensembl, f"{ensembl}.12", f"{gene}|{entrez}", f"?|{entrez}"]
    assert {current_symbol(name) for name in names} == {gene}


@pytest.mark.parametrize(
    ("name", "found"),
    [("GATA3", "GATA3"), ("?|100130426", "100130426"), ("", ""), ("A|B", "A|B"), ("esr1", "esr1")],
)
def test_other_names_stay(name, found) -> None:
    assert current_symbol(name) == found


@pytest.mark.real
def test_entrez_identifiers_are_those_of_the_published_table(real_data) -> None:
    lines = (real_data / "pam50" / "pam50_annotation.txt").read_text().splitlines()[1:]
    cells = [line.split("\t") for line in lines if line.strip()]
    assert {current_symbol(row[0]): row[2] for row in cells} == {
        gene: entrez for gene, (entrez, _) in IDENTIFIERS.items()
    }

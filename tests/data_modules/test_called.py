from __future__ import annotations

import pandas as pd
import pytest

from data_modules.called import CALLED, agreement, call_cohort
from data_modules.gene_table import Balance, SubtypeCall
from data_modules.genes import PAM50
from data_modules.manifest import load_manifest
from data_modules.problems import BadInput

GENES = {"path": "pam50.tsv", "format": "xena", "scale": "log2_rsem", "set": "genes.txt"}
CALL = {"centroids": "centroids.txt"}


@pytest.fixture
def pam50(folder) -> None:
    """Expression of PAM50 in the small cohort: every other patient has one of two profiles."""
    lines = ["gene\t" + "\t".join(f"P{i:02d}" for i in range(20))]
    centroids = ["\tHigh\tLow"]
    for number, gene in enumerate(PAM50):
        up = number % 10 + number / 100
        values = [8 + (up if i % 2 else -up) / 2 + i / 1000 for i in range(20)]
        lines.append(gene + "\t" + "\t".join(f"{value:.4f}" for value in values))
        centroids.append(f"{gene}\t{up}\t{-up}")
    (folder / "pam50.tsv").write_text("\n".join(lines) + "\n")
    (folder / "centroids.txt").write_text("\n".join(centroids) + "\n")


@pytest.mark.usefixtures("pam50")
def test_calls_are_the_subtype_where_no_column_is_named(load) -> None:
    cohort = load(subtype="", genes=GENES, call_subtype=CALL)
    assert cohort.table["subtype"].tolist() == ["Low", "High"] * 10
    assert list(cohort.expression.columns) == ["ESR1", "PGR", "MKI67"]
    assert any(note.startswith("subtypes called for 20 of 20") for note in cohort.notes)


@pytest.mark.usefixtures("pam50")
def test_rules_see_the_calls_and_runs_without_genes_too(load) -> None:
    rule = {"column": CALLED, "values": ["High"]}
    for modalities in (("image", "genes"), ("clinical",)):
        cohort = load(
            subtype="", genes=GENES, call_subtype=CALL, include=[rule], modalities=modalities
        )
        assert len(cohort.table) == 10
        assert (cohort.expression is None) == (modalities == ("clinical",))


@pytest.mark.usefixtures("pam50")
def test_a_column_that_is_named_counts(load) -> None:
    cohort = load(genes=GENES, call_subtype=CALL)
    assert set(cohort.table["subtype"]) == {"LumA", "LumB"}


@pytest.mark.usefixtures("pam50")
@pytest.mark.parametrize(
    ("balance", "told"),
    [
        (("sid", ["left", "right"]), "named by call_subtype.balance; did you mean side?"),
        (("side", ["left", "rigt"]), "0 patients with expression are 'rigt'"),
        (("side", ["left", "right"]), "7 patients with expression are 'right', at least 10"),
    ],
)
def test_groups_that_cannot_be_balanced(load, balance, told) -> None:
    column, values = balance
    call = {**CALL, "balance": {"column": column, "values": values}}
    with pytest.raises(BadInput, match="call_subtype") as error:
        load(subtype="", genes=GENES, call_subtype=call)
    assert told in str(error.value)


@pytest.mark.usefixtures("pam50")
def test_a_table_with_such_a_column_is_refused(load, edit) -> None:
    edit("clinical.csv", "side", CALLED)
    with pytest.raises(BadInput, match="the table has this column itself"):
        load(subtype="", genes=GENES, call_subtype=CALL, covariates={}, modalities=["genes"])


@pytest.mark.usefixtures("pam50")
def test_without_a_matrix_only_the_matrix_is_told(load, folder) -> None:
    (folder / "pam50.tsv").unlink()
    rule = {"column": CALLED, "values": ["High"]}
    with pytest.raises(BadInput, match="1 problem") as error:
        load(subtype="", genes=GENES, call_subtype=CALL, include=[rule])
    assert "pam50.tsv: the file does not exist" in str(error.value)


@pytest.mark.usefixtures("pam50")
def test_calls_beside_the_subtype_of_the_table(write, folder, edit) -> None:
    edit("clinical.csv", "P03,LumA", "P03,NA")
    manifest = load_manifest(write(genes=GENES))
    calls = call_cohort(manifest, SubtypeCall("c"), folder / "centroids.txt")
    assert calls["table_subtype"].isna().sum() == 1
    found = agreement(calls)
    assert found["compared"] == 19
    assert found["agreement"] == 0
    assert found["classes"]["LumA"] == {"table": 9, "called": 0, "both": 0}
    assert found["confusion"]["LumA"] == {"High": 9, "Low": 0, "LumA": 0, "LumB": 0}


def test_nothing_to_compare() -> None:
    calls = pd.DataFrame({"subtype": ["A"], "table_subtype": [None]})
    assert agreement(calls)["agreement"] is None


@pytest.mark.real
def test_calls_of_tcga_agree_with_those_published(write, real_data) -> None:
    home = real_data / "tcga_brca"
    manifest = load_manifest(
        write(
            patients={"path": str(home / "tcga_brca_clinical_tidy.csv"), "id": "patient_id"},
            subtype="pam50",
            genes={**GENES, "path": str(home / "HiSeqV2_PAM50.xena.tsv"), "set": "pam50"},
        )
    )
    centroids = real_data / "pam50" / "pam50_centroids.txt"
    plain = agreement(call_cohort(manifest, SubtypeCall("c"), centroids))
    assert plain["compared"] == 1034
    assert plain["classes"]["Basal"]["both"] == plain["classes"]["Basal"]["table"] == 181
    balance = Balance("er_status", ("Positive", "Negative"))
    balanced = agreement(call_cohort(manifest, SubtypeCall("c", balance), centroids))
    assert plain["agreement"] == pytest.approx(0.712, abs=0.001)
    assert balanced["agreement"] == pytest.approx(0.954, abs=0.001)

from __future__ import annotations

import gzip
from dataclasses import replace

import numpy as np
import pytest

from data_modules.datamodule import SurvivalDataModule
from data_modules.expression import Expression, read_matrix
from data_modules.folds import make_folds
from data_modules.gene_table import GeneTable
from data_modules.genes import PAM50
from data_modules.problems import BadInput, Problems

GENES = ("ESR1", "NUF2")
XENA = GeneTable("", "xena", "log2_rsem")
PLAIN = "sample\tP1\tP2\tP3\nXYZ\t1\t1\t1\nNUF2\t3\t4\t9\nESR1\t1\t2\t9\n"
TCGA = (
    "sample\tTCGA-A1-A0SB-11A\tTCGA-A1-A0SB-01B\tTCGA-A1-A0SB-01A\tTCGA-A1-A0SC-01A\n"
    "ESR1\t1\t2\t4\t8\nNUF2\t1\tNA\t4\t8\n"
)


def read(
    path, content: str, table: GeneTable = XENA, genes: tuple[str, ...] = GENES
) -> tuple[Expression | None, list[str]]:
    path.write_text(content)
    problems = Problems()
    expression = read_matrix(path, table, genes, problems)
    return expression, [str(problem).removeprefix(f"{path}") for problem in problems.found]


def test_patients_by_genes_in_the_order_asked_for(tmp_path) -> None:
    expression, problems = read(tmp_path / "m.tsv", PLAIN)
    assert problems == []
    assert expression.matrix.index.tolist() == ["P1", "P2", "P3"]
    assert list(expression.matrix.columns) == list(GENES)
    np.testing.assert_array_equal(expression.matrix, [[1, 3], [2, 4], [9, 9]])
    assert expression.notes == ()


def test_a_linear_scale_becomes_log2(tmp_path) -> None:
    expression, problems = read(tmp_path / "m.tsv", PLAIN, replace(XENA, scale="rsem"))
    assert problems == []
    np.testing.assert_allclose(expression.matrix["NUF2"], np.log2([4, 5, 10]))


def test_counts_are_taken_per_million_of_all_genes(tmp_path) -> None:
    rest = "".join(f"G{i}\t{i % 7}\t10\n" for i in range(5000))
    aside = "N_unmapped\t999999\t1\n__ambiguous\t5\t5\n"
    content = f"gene\tP1\tP2\n{aside}NUF2\t3\t4\n{rest}ESR1\t7\t0\n"
    library = np.array([10 + sum(i % 7 for i in range(5000)), 50_004])
    for text in (content, content.replace("G0\t0", "G0\t0.0").replace("G1\t1\t", "G1\t\t")):
        expression, problems = read(tmp_path / "m.tsv", text, replace(XENA, scale="counts"))
        assert problems == []
        library[0] -= "G1\t\t" in text
        wanted = np.log2(1e6 * np.array([3, 4]) / library + 1)
        np.testing.assert_allclose(expression.matrix["NUF2"], wanted, rtol=1e-12)


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("ESR1", "ESR11", ", column ESR1: no row for this gene; did you mean ESR11?"),
        ("ESR1", "QQQ", ", column ESR1: no row for this gene; `missing: mask` masks it"),
        ("XYZ\t1", "CDCA1\t1", ", row 3, column NUF2: the gene has two rows (2 as CDCA1, 3 as NUF"),
        ("\t2\t9\n", "\t-2\t9\n", ", row 4, column ESR1: -2 of sample P2 cannot be log2(RSEM + 1)"),
        ("\t2\t9\n", "\t900\t9\n", ", row 4, column ESR1: 900 of sample P2 cannot be log2(RSEM"),
        ("P1\tP2", "TCGA-A1-A0SB-01A\tTCGA-A1-A0SB-01B", ", row 1, column TCGA-A1-A0SB: two samp"),
        (
            "P1\tP2\tP3",
            "TCGA-A1-A0SB-11\tTCGA-A1-A0SC-11\tTCGA-A1-A0SC-06",
            ": no sample is of a primary tumour; `sample_suffix` says which to use",
        ),
    ],
)
def test_what_is_wrong_is_told_with_its_place(tmp_path, old, new, told) -> None:
    assert old in PLAIN
    _, problems = read(tmp_path / "m.tsv", PLAIN.replace(old, new))
    (problem,) = problems
    assert problem.startswith(told)


def test_no_sample_with_the_suffix(tmp_path) -> None:
    _, problems = read(tmp_path / "m.tsv", PLAIN, replace(XENA, sample_suffix="-01"))
    assert problems == [": no sample ends in '-01'; the first is 'P1'"]


def test_two_rows_that_are_equal_are_one(tmp_path) -> None:
    expression, problems = read(tmp_path / "m.tsv", PLAIN + "CDCA1\t3\t4\t9.00001\n")
    assert problems == []
    assert expression.matrix["NUF2"].tolist() == [3, 4, 9]


@pytest.mark.parametrize(
    ("repeated", "wanted"), [("mean", [4.5, 4, 5.5]), ("max", [3.0, 4.0, 9.0])]
)
def test_two_rows_that_differ(tmp_path, repeated, wanted) -> None:
    table = replace(XENA, repeated=repeated)
    expression, problems = read(tmp_path / "m.tsv", PLAIN + "CDCA1\t6\tNA\t2\n", table)
    assert problems == []
    assert expression.matrix["NUF2"].tolist() == wanted


@pytest.mark.parametrize(
    ("samples", "esr1", "nuf2", "note"),
    [
        ("first", 4.0, 4.0, "1 further samples of a patient not used: TCGA-A1-A0SB-01B"),
        ("mean", 3.0, 4.0, "the mean of several samples for 1: TCGA-A1-A0SB"),
    ],
)
def test_two_samples_of_a_patient(tmp_path, samples, esr1, nuf2, note) -> None:
    expression, problems = read(tmp_path / "m.tsv", TCGA, replace(XENA, samples=samples))
    assert problems == []
    assert expression.matrix.loc["TCGA-A1-A0SB"].tolist() == [esr1, nuf2]
    assert expression.matrix.loc["TCGA-A1-A0SC"].tolist() == [8, 8]
    assert expression.notes == (
        "1 samples of normal tissue (11) not used: TCGA-A1-A0SB-11A", note,
    )  # fmt: skip


def test_more_than_half_of_the_genes_cannot_be_masked(tmp_path) -> None:
    genes = ("ESR1", "NUF2", "PGR", "MKI67", "MYC")
    _, problems = read(tmp_path / "m.tsv", PLAIN, replace(XENA, missing="mask"), genes)
    (problem,) = problems
    assert "3 of the 5 genes are missing, more than half" in problem


def test_a_missing_gene_is_a_masked_token(load, edit) -> None:
    edit("genes.tsv", "MKI67", "OTHER")
    with pytest.raises(BadInput, match="MKI67"):
        load()
    table = {"path": "genes.tsv", "format": "xena", "scale": "log2_rsem", "set": "genes.txt"}
    cohort = load(genes={**table, "sample_suffix": "-01", "missing": "mask"})
    assert "1 of 3 genes not measured, masked: MKI67" in cohort.notes
    folds = make_folds(cohort, n_folds=2, protocol="paper", seed=0)
    data = SurvivalDataModule(cohort, folds, fold=0)
    data.setup()
    for batch in data.train_dataloader():
        assert batch.gene_mask.tolist() == [[True, True, False]] * len(batch.gene_mask)
        assert (batch.expression[:, 2] == 0).all()


def test_a_packed_matrix_is_the_same(tmp_path) -> None:
    plain, _ = read(tmp_path / "m.tsv", PLAIN)
    (tmp_path / "m.tsv.gz").write_bytes(gzip.compress(PLAIN.encode()))
    packed = read_matrix(tmp_path / "m.tsv.gz", XENA, GENES, Problems())
    assert packed.matrix.equals(plain.matrix)


@pytest.mark.real
def test_the_two_matrices_of_tcga_are_one(real_data) -> None:
    problems = Problems()
    home = real_data / "tcga_brca"
    xena = read_matrix(home / "HiSeqV2_PAM50.xena.tsv", XENA, PAM50, problems)
    path = home / "data_mrna_seq_v2_rsem.PAM50.reconstructed.txt"
    portal = read_matrix(path, GeneTable("", "cbioportal", "rsem"), PAM50, problems)
    assert problems.found == []
    assert xena.matrix.shape == (1095, 50)
    assert xena.matrix.index.equals(portal.matrix.index)
    assert xena.matrix.isna().equals(portal.matrix.isna())
    # Six digits were written.
    np.testing.assert_allclose(xena.matrix, portal.matrix, atol=1e-4, rtol=0)


@pytest.mark.real
def test_median_centred_values_of_tcga_are_those_of_an_array(real_data) -> None:
    path = real_data / "tcga_brca" / "HiSeqV2_335genes_normals_median_centred.xena.tsv"
    problems = Problems()
    table = GeneTable("", "xena", "microarray", sample_suffix="-11")
    assert len(read_matrix(path, table, ("IRF7", "OASL"), problems).matrix) == 113
    read_matrix(path, replace(table, scale="log2_tpm"), ("IRF7", "OASL"), problems)
    assert "look like microarray or median-centred values" in problems.found[0].message

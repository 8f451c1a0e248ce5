from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import spearmanr

from data_modules.gene_names import current_symbol
from data_modules.pam50 import balanced_median, call_subtypes, gene_centres, read_centroids
from data_modules.problems import Problems

TABLE = "\tBasal\tLumA\nESR1\t-1.5\t1\nKNTC2\t2\t-0.5\nPGR\t-1\t0.5\n"
GENEFU = (
    '# method.cor: spearman\n# centroid.Basal: -1.5 2 -1\n# centroid.LumA: 1 -0.5 0.5\n'
    '"probe","probe.centroids","EntrezGene.ID"\n"ESR1","ESR1","2099"\n'
    '"KNTC2","KNTC2","10403"\n"PGR","PGR","5241"\n'
)  # fmt: skip


def centroids(genes: int = 20, subtypes: int = 4) -> pd.DataFrame:
    values = np.random.default_rng(3).normal(size=(genes, subtypes))
    index = [f"G{i}" for i in range(genes)]
    return pd.DataFrame(values, index=index, columns=[f"S{i}" for i in range(subtypes)])


def patients(n: int = 30, genes: int = 20) -> pd.DataFrame:
    values = np.random.default_rng(4).normal(8, 2, size=(n, genes)).round(1)
    return pd.DataFrame(values, columns=[f"G{i}" for i in range(genes)])


@pytest.mark.parametrize("content", [TABLE, GENEFU], ids=["published table", "model of genefu"])
def test_both_layouts_are_one_table(tmp_path, content) -> None:
    (tmp_path / "c").write_text(content)
    problems = Problems()
    table = read_centroids(tmp_path / "c", problems)
    assert problems.found == []
    assert table.to_dict() == {
        "Basal": {"ESR1": -1.5, "NDC80": 2.0, "PGR": -1.0},
        "LumA": {"ESR1": 1.0, "NDC80": -0.5, "PGR": 0.5},
    }


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (TABLE.replace("-1.5", "x"), "row 2, column ESR1: 'x' is no number"),
        (TABLE.replace("-1.5", ""), "row 2, column ESR1: '' is no number"),
        (TABLE.replace("-1.5\t", ""), "row 2: 1 values for 2 subtypes"),
        (TABLE.replace("KNTC2", "ESR1"), "row 3, column ESR1: the gene has two rows"),
        (TABLE.replace("LumA", "Basal"), "names at least two subtypes"),
        (TABLE.replace("PGR\t-1\t0.5\n", ""), "holds 2 genes, too few"),
        (GENEFU.replace(" 0.5", ""), "centroids of [2, 3] values for 3 genes"),
        ("", "names at least two subtypes in its first row, found []"),
    ],
)
def test_centroids_that_cannot_be_used(tmp_path, content, told) -> None:
    (tmp_path / "c").write_text(content)
    problems = Problems()
    assert read_centroids(tmp_path / "c", problems) is None
    assert told in str(problems.found[0])


def test_correlations_are_those_of_scipy() -> None:
    table, model = patients(), centroids()
    table.iloc[2, [1, 5]] = np.nan
    calls = call_subtypes(table, model, gene_centres(table))
    for patient in table.index:
        centred = (table.loc[patient] - table.median()).dropna()
        for name in model:
            wanted = spearmanr(centred, model.loc[centred.index, name]).statistic
            assert calls.loc[patient, name] == pytest.approx(wanted, abs=1e-12)
    best = calls[list(model)].idxmax(axis=1)
    assert (calls["subtype"] == best).all()
    assert (calls["margin"] >= 0).all()
    assert calls.loc[2, "genes"] == 18


def test_a_centroid_is_called_as_itself() -> None:
    model = centroids()
    calls = call_subtypes(model.T, model, pd.Series(0.0, index=model.index))
    assert calls["subtype"].tolist() == list(model)
    np.testing.assert_allclose(calls["correlation"], 1)


def test_few_genes_make_no_call() -> None:
    table, model = patients(), centroids()
    table.iloc[0, :5] = np.nan
    table.iloc[1, :4] = np.nan
    table.iloc[3] = 7.0
    calls = call_subtypes(table, model, pd.Series(0.0, index=model.index))
    assert calls.loc[[0, 1, 3], "subtype"].isna().tolist() == [True, False, True]


@given(st.integers(0, 2**31), st.floats(-50, 50))
def test_calls_do_not_see_the_level_of_a_platform(seed, shift) -> None:
    table, model = patients(), centroids()
    moved = table + np.random.default_rng(seed).normal(shift, 10, size=20)
    first = call_subtypes(table, model, gene_centres(table))
    second = call_subtypes(moved, model, gene_centres(moved))
    np.testing.assert_allclose(first[list(model)], second[list(model)], atol=0.1)


@given(st.lists(st.integers(-50, 50), min_size=1, max_size=30))
def test_with_equal_weights_the_median_is_the_median(values) -> None:
    numbers = np.array(values, dtype=float)
    assert balanced_median(numbers, np.full(len(numbers), 0.3)) == np.median(numbers)


@given(st.lists(st.integers(0, 9), min_size=2, max_size=8), st.integers(2, 5))
def test_a_group_may_be_repeated_without_moving_a_balanced_centre(values, times) -> None:
    half = len(values) // 2
    groups = ["a"] * half + ["b"] * (len(values) - half)
    again = values + values[:half] * (times - 1)
    few = pd.DataFrame({"G": np.array(values, dtype=float)})
    many = pd.DataFrame({"G": np.array(again, dtype=float)})
    many_groups = pd.Series(groups + ["a"] * (half * (times - 1)))
    assert gene_centres(few, pd.Series(groups))["G"] == gene_centres(many, many_groups)["G"]


@pytest.mark.real
def test_calls_and_correlations_are_those_of_the_published_program(real_data) -> None:
    home = real_data / "pam50"
    model = read_centroids(home / "pam50_centroids.txt", Problems())
    table = pd.read_csv(home / "sampleInputFile_200subjects.txt", sep="\t", index_col=0)
    table = table.drop(index="T").astype(float).T.rename(columns=current_symbol)
    published = pd.read_csv(home / "sampleInputFile_pam50scores.txt", sep="\t", index_col=0)
    published = published.loc[table.index]
    calls = call_subtypes(table, model, gene_centres(table))
    assert (calls["subtype"] == published["Call"]).all()
    complete = table.notna().all(axis=1)
    assert complete.sum() > 100
    names = list(model)
    off = (calls.loc[complete, names] - published.loc[complete, names]).abs().max(axis=1)
    # Of one patient two genes are as far from their centres, but for rounding, which R does apart.
    assert (off > 1e-9).sum() <= 1
    assert off.max() < 1e-3


@pytest.mark.real
def test_the_model_of_genefu_holds_the_published_centroids(real_data) -> None:
    home = real_data / "pam50"
    published = read_centroids(home / "pam50_centroids.txt", Problems())
    genefu = read_centroids(home / "genefu_pam50_model.csv", Problems())
    pd.testing.assert_frame_equal(genefu.loc[published.index, list(published)], published)

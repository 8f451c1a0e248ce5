"""Folds by site, from a file, and repeated; the default ones are in test_folds.py."""

from __future__ import annotations

import dataclasses
from itertools import chain

import numpy as np
import pandas as pd
import pytest

from data_modules.cohort import Cohort
from data_modules.folds import Design, Folds, make_folds
from data_modules.folds_file import read_folds, write_folds
from data_modules.problems import BadInput


@pytest.fixture
def sited(load) -> Cohort:
    """Twenty patients of ten sites, two each, one of them with an event."""
    return _with(load(), [f"s{i // 2}" for i in range(20)])


def _with(cohort: Cohort, sites: list[str | None]) -> Cohort:
    event = np.arange(20) % 2 == 0
    return dataclasses.replace(cohort, table=cohort.table.assign(site=sites, event=event))


def _folds(cohort: Cohort, n_folds: int = 4, seed: int = 0, **design) -> Folds:
    return make_folds(
        cohort, n_folds=n_folds, protocol="nested", seed=seed, design=Design(**design)
    )


def test_no_site_is_on_two_sides_of_anything(sited) -> None:
    folds = _folds(sited, split="site")
    assert folds.n_folds == 4
    for k in range(4):
        sites = [
            set(sited.table.loc[folds.patients(k, r), "site"]) for r in ("train", "val", "test")
        ]
        assert all(sites)
        assert not sites[0] & sites[1]
        assert not sites[0] & sites[2]
        assert not sites[1] & sites[2]


def test_few_sites_still_keep_the_held_out_ones_apart(load) -> None:
    """Of four sites, three are left to train on: too few for an inner split by site."""
    cohort = _with(load(), [f"s{i % 4}" for i in range(0, 40, 2)])
    cohort = _with(cohort, [f"s{i // 5}" for i in range(20)])
    folds = _folds(cohort, split="site")
    for k in range(4):
        held_out = set(cohort.table.loc[folds.patients(k, "test"), "site"])
        assert len(held_out) == 1
        rest = [*folds.patients(k, "train"), *folds.patients(k, "val")]
        assert not held_out & set(cohort.table.loc[rest, "site"])


def test_every_site_with_events_enough_is_a_fold(load, monkeypatch) -> None:
    monkeypatch.setattr("data_modules.site_folds.FEWEST_SITE_EVENTS", 3)
    cohort = _with(load(), ["a"] * 6 + ["b"] * 8 + ["c"] * 4 + ["d"] * 2)
    folds = _folds(cohort, n_folds=9, split="leave_one_site_out")
    held_out = [set(cohort.table.loc[folds.patients(k, "test"), "site"]) for k in range(3)]
    assert held_out == [{"a"}, {"b"}, {"c", "d"}]
    assert folds.n_folds == 3


@pytest.mark.parametrize(
    ("sites", "design", "words"),
    [
        ([None] * 20, {"split": "site"}, "20 patients have no site (P00, P01, P02, P03)"),
        (["a"] * 19 + [None], {"split": "site"}, "1 patients have no site (P19)"),
        (["a"] * 20, {"split": "leave_one_site_out"}, "one site only (a)"),
        (["a", "b", "c"] * 6 + ["a", "b"], {"split": "site"}, "3 sites cannot be dealt into"),
        (["a", "b"] * 10, {"split": "leave_one_site_out"}, "a site needs 10 events"),
    ],
)
def test_sites_that_cannot_be_dealt_are_refused(load, sites, design, words) -> None:
    # One of two sites may have ten events and be left out, against the other: all sites have fewer.
    cohort = _with(load(), sites)
    if "needs" in words:
        cohort = dataclasses.replace(
            cohort, table=cohort.table.assign(event=[i < 8 for i in range(20)])
        )
    with pytest.raises(BadInput) as error:
        _folds(cohort, **design)
    assert words in str(error.value)


def test_repeats_are_new_draws_and_the_first_is_the_old_one(sited, tmp_path) -> None:
    once, thrice = _folds(sited), _folds(sited, repeats=3)
    assert (once.repeats, thrice.repeats, thrice.n_folds) == (1, 3, 12)
    shared = once.table.columns
    pd.testing.assert_frame_equal(thrice.table[shared], once.table)
    drawn = []
    for repeat in range(3):
        held_out = [thrice.patients(4 * repeat + k, "test") for k in range(4)]
        assert sorted(chain.from_iterable(held_out)) == sorted(sited.table.index)
        drawn.append(frozenset(map(frozenset, held_out)))
    assert len(set(drawn)) == 3
    write_folds(thrice, tmp_path / "folds.csv")
    read = read_folds(tmp_path / "folds.csv", sited, "nested")
    assert (read.hash, read.repeats) == (thrice.hash, 3)


def test_a_repeat_that_was_changed_is_refused(sited, tmp_path) -> None:
    folds = _folds(sited, repeats=2)
    table = folds.table.assign(fold_1=folds.table["fold_1"].iloc[::-1].tolist())
    write_folds(Folds(table, "nested"), tmp_path / "folds.csv")
    with pytest.raises(BadInput, match="test is the role in the patient's own fold"):
        read_folds(tmp_path / "folds.csv", sited, "nested")


def test_the_folds_of_somebody_else(sited, tmp_path) -> None:
    rows = [f"{patient},{10 * (i // 2 % 3)}" for i, patient in enumerate(sited.table.index)]
    file = tmp_path / "theirs.csv"
    file.write_text("\n".join(["case_id,fold", *rows]) + "\n")
    folds = _folds(sited, n_folds=5, file=str(file))
    assert folds.n_folds == 3
    assert folds.table["fold"].tolist() == [i // 2 % 3 for i in range(20)]
    assert folds.patients(0, "val")


def test_more_columns_to_be_alike_in(sited) -> None:
    half = dataclasses.replace(sited, table=sited.table.assign(stage=["I"] * 8 + ["II"] * 12))
    folds = _folds(half, n_folds=2, stratify=("stage",))
    counts = (
        folds.table.assign(stage=half.table["stage"].tolist()).groupby(["fold", "stage"]).size()
    )
    assert counts.tolist() == [4, 6, 4, 6]

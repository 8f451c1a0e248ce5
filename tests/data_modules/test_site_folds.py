from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data_modules.site_folds import POOLED, _cost, deal_sites, leave_one_site_out, sites_of

COHORTS = st.lists(
    st.tuples(st.sampled_from("abcdefgh"), st.booleans()), min_size=12, max_size=60
).filter(lambda patients: len({site for site, _ in patients}) >= 3)


def _split(patients: list[tuple[str, bool]]) -> tuple[list[str], np.ndarray]:
    return [site for site, _ in patients], np.array([str(event) for _, event in patients])


@settings(deadline=None, max_examples=60)
@given(COHORTS, st.integers(2, 3))
def test_no_site_spans_two_parts_and_no_part_is_empty(patients, parts) -> None:
    site, stratum = _split(patients)
    part = deal_sites(site, stratum, parts, np.random.default_rng(0))
    assert pd.Series(part).groupby(site).nunique().eq(1).all()
    assert set(part) == set(range(parts))


@settings(deadline=None, max_examples=25)
@given(COHORTS)
def test_the_balance_is_near_the_best_there_is(patients) -> None:
    """Against every way to deal up to eight sites into two parts."""
    site, stratum = _split(patients)
    names, of_site = np.unique(site, return_inverse=True)
    counts = np.zeros((len(names), 3))
    for at, kind in zip(of_site, stratum, strict=True):
        counts[at, int(kind == "True")] += 1
    counts[:, 2] = counts[:, :2].sum(1)
    counts = counts[:, counts.sum(0) > 0]
    counts = counts / np.sqrt(counts.sum(0))
    ways = [np.array(way) for way in itertools.product((0, 1), repeat=len(names))]
    best = min(_cost(way, counts, 2) for way in ways if len(set(way)) == 2)
    part = deal_sites(site, stratum, 2, np.random.default_rng(0))
    place = np.array([part[list(site).index(name)] for name in names])
    worst = max(_cost(way, counts, 2) for way in ways)
    assert _cost(place, counts, 2) <= best + 0.02 * (worst - best) + 1e-9


def test_sites_are_dealt_alike_in_events() -> None:
    rng = np.random.default_rng(0)
    site = [f"s{i}" for i in rng.integers(0, 40, 700)]
    event = (rng.random(700) < 0.15).astype(str)
    part = deal_sites(site, event, 5, rng)
    events = np.bincount(part, weights=event == "True")
    assert events.max() - events.min() <= 2
    assert np.ptp(np.bincount(part)) <= 8


def test_sites_are_left_out_one_by_one_and_small_ones_together() -> None:
    site = ["a"] * 12 + ["b"] * 11 + ["c"] * 4 + ["d"] * 3
    part, names = leave_one_site_out(site, np.array([True] * 22 + [False] * 8))
    assert names == ["a", "b", POOLED]
    assert part.tolist() == [0] * 12 + [1] * 11 + [2] * 7


@pytest.mark.parametrize(
    ("identifiers", "column", "expected"),
    [
        (["TCGA-A1-A0SB", "TCGA-B2-A0SC"], None, ["A1", "B2"]),
        (["TCGA-A1-A0SB", "P2"], None, ["A1", None]),
        (["TCGA-A1-A0SB", "P2"], ["x", "y"], ["x", "y"]),
    ],
)
def test_a_barcode_names_the_site_where_no_column_does(identifiers, column, expected) -> None:
    table = pd.DataFrame({"site": column or [None] * len(identifiers)}, index=identifiers)
    site, read = sites_of(table)
    assert site.tolist() == expected
    assert read == (column is None)

from __future__ import annotations

from itertools import chain

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_modules.folds import make_folds
from data_modules.problems import BadInput
from data_modules.strata import deal, strata


@given(
    st.lists(st.sampled_from("abc"), min_size=1, max_size=60),
    st.integers(2, 6),
    st.integers(0, 1000),
)
def test_parts_differ_by_one_at_most_overall_and_in_every_stratum(labels, parts, seed) -> None:
    stratum = np.array(labels, dtype=object)
    part = deal(stratum, parts, np.random.default_rng(seed))
    for chosen in [stratum == stratum, *(stratum == name for name in set(labels))]:
        counts = np.bincount(part[chosen], minlength=parts)
        assert counts.max() - counts.min() <= 1


@pytest.mark.parametrize("protocol", ["nested", "paper"])
def test_every_patient_is_held_out_once_and_roles_do_not_overlap(load, protocol) -> None:
    cohort = load()
    folds = make_folds(cohort, n_folds=4, protocol=protocol, seed=0)
    held_out = [p for k in range(4) for p in folds.patients(k, "test")]
    assert sorted(held_out) == sorted(cohort.table.index)
    for k in range(4):
        train, val, test = (set(folds.patients(k, role)) for role in ("train", "val", "test"))
        assert not train & test
        assert not train & val
        assert (val == test) == (protocol == "paper")
        assert train | val | test == set(cohort.table.index)
        events = cohort.table.loc[sorted(test), "event"].sum()
        assert events in (2, 3)


def test_every_member_stops_on_a_fifth_of_its_own(load) -> None:
    cohort = load()
    folds = make_folds(cohort, n_folds=4, protocol="nested", seed=0)
    for k in range(4):
        development = folds.patients(k, "development")
        assert set(development) == set(cohort.table.index) - set(folds.patients(k, "test"))
        stopping = [folds.patients(k, "val", member) for member in range(5)]
        assert sorted(chain.from_iterable(stopping)) == sorted(development)
        for member, val in enumerate(stopping):
            assert set(folds.patients(k, "train", member)) == set(development) - set(val)
        assert folds.patients(k, "val", 5) == stopping[0] == folds.patients(k, "val")
        role = folds.table.set_index("patient_id")[f"role{k}"]
        assert sorted(role.index[role == "val"]) == sorted(stopping[0])
    paper = make_folds(cohort, n_folds=4, protocol="paper", seed=0)
    assert paper.patients(1, "train", 3) == paper.patients(1, "development")
    assert paper.patients(1, "val", 3) == paper.patients(1, "test")


def test_the_seed_decides_and_the_protocol_does_not_move_the_folds(load) -> None:
    cohort = load()
    one = make_folds(cohort, n_folds=4, protocol="nested", seed=1)
    assert one.hash == make_folds(cohort, n_folds=4, protocol="nested", seed=1).hash
    assert one.hash != make_folds(cohort, n_folds=4, protocol="nested", seed=2).hash
    paper = make_folds(cohort, n_folds=4, protocol="paper", seed=1)
    assert paper.table["fold"].tolist() == one.table["fold"].tolist()


def test_folds_without_events_are_refused_one_by_one(load, edit, folder) -> None:
    lines = (folder / "clinical.csv").read_text().splitlines()
    kept = [lines[0]]
    for i, line in enumerate(lines[1:]):
        cells = line.split(",")
        cells[3] = "1" if i < 2 else "0"
        kept.append(",".join(cells))
    (folder / "clinical.csv").write_text("\n".join(kept))
    with pytest.raises(BadInput) as error:
        make_folds(load(), n_folds=5, protocol="nested", seed=0)
    report = str(error.value)
    assert "no event among the held-out patients: use fewer --folds" in report
    assert "at least 2 are needed" in report


def test_rare_and_absent_subtypes_count_by_event_alone() -> None:
    table = pd.DataFrame(
        {"subtype": ["A"] * 9 + ["rare"], "event": [True] * 5 + [False] * 4 + [True]}
    )
    assert strata(table, 3).tolist() == ["A event"] * 5 + ["A censored"] * 4 + ["event"]
    table["subtype"] = None
    assert set(strata(table, 3)) == {"event", "censored"}


def test_a_cohort_without_subtypes_is_dealt_by_event(load) -> None:
    cohort = load(subtype="")
    folds = make_folds(cohort, n_folds=5, protocol="nested", seed=0)
    assert set(folds.table["stratum"]) == {"event", "censored"}
    assert folds.table.groupby("fold")["event"].sum().tolist() == [2] * 5

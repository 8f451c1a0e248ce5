from __future__ import annotations

import numpy as np

from experiments.reporting.patients import Subgroup, subgroups_of
from experiments.reporting.subgroups import subgroup_table
from experiments.reporting.uncertainty import Effort

EFFORT = Effort(200, 0)


def test_everybody_stands_first_and_parts_add_up(source) -> None:
    table = subgroup_table(source.main, subgroups_of(source.cohort), EFFORT).set_index("subgroup")
    assert table.index[0] == "all"
    assert table.loc["all", "patients"] == 90
    for name in ("patients", "events"):
        parts = table.loc[["LumA", "LumB"], name].sum()
        assert parts == table.loc["all", name]
    assert (table["c_index_lower"] < table["c_index"]).all()
    # The signal is the same everywhere.
    assert (table["c_index"] > 0.5).all()
    assert (table["null_lower"] < 0.5).all()
    assert (table["null_upper"] > 0.5).all()
    # Fewer patients leave more to chance.
    width = table["null_upper"] - table["null_lower"]
    assert (width.drop("all") > width["all"]).all()
    assert (table["hazard_ratio"] > 1).all()


def test_few_events_are_marked_and_none_has_a_reason(source) -> None:
    rows = source.main.rows
    few = Subgroup("few", frozenset(rows.loc[rows["event"], "patient_id"][:6]))
    none = Subgroup("none", frozenset(rows.loc[~rows["event"], "patient_id"]))
    table = subgroup_table(source.main, [few, none], EFFORT).set_index("subgroup")
    assert table["few_events"].tolist() == [False, True, True]
    assert np.isnan(table.loc["none", ["c_index", "null_lower"]].astype(float)).all()
    assert table.loc["none", "reason"]


def test_a_part_that_nobody_was_predicted_for_is_left_out(source) -> None:
    table = subgroup_table(source.main, [Subgroup("strangers", frozenset({"X"}))], EFFORT)
    assert table["subgroup"].tolist() == ["all"]

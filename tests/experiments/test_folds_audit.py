from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from data_modules.folds import make_folds
from data_modules.problems import BadInput
from experiments.config import RunConfig
from experiments.folds_audit import audit, check_members, draw_folds, print_audit, warnings


def _folds(cohort):  # noqa: ANN202
    return make_folds(cohort, n_folds=3, protocol="nested", seed=0)


def test_a_row_counts_what_stands_in_the_folds(cohort) -> None:
    folds = _folds(cohort)
    audited = audit(folds, cohort)
    for k, row in audited.iterrows():
        table = cohort.table.loc[folds.patients(int(k), "test")]
        assert row["patients"] == len(table)
        assert row["events"] == table["event"].sum()
        first = table["time_days"].to_numpy()[:, None] < table["time_days"].to_numpy()[None, :]
        assert row["pairs"] >= (first & table["event"].to_numpy()[:, None]).sum()
        assert row["train_patients"] == len(folds.patients(int(k), "train"))
        share = table["subtype"].value_counts(normalize=True)
        whole = cohort.table["subtype"].value_counts(normalize=True)
        off = 100 * (share.reindex(whole.index, fill_value=0) - whole).abs().max()
        assert row["subtype_off"] == pytest.approx(off)
    assert audited["patients"].sum() == len(cohort.table)


def test_sites_are_counted_named_and_found_in_training(cohort) -> None:
    folds = _folds(cohort)
    own = folds.table.set_index("patient_id")["fold"].map("site {}".format)
    named = dataclasses.replace(cohort, table=cohort.table.assign(site=own))
    audited = audit(folds, named)
    assert audited["sites"].tolist() == ["site 0", "site 1", "site 2"]
    assert audited["site_shared"].tolist() == [0, 0, 0]
    two = dataclasses.replace(cohort, table=cohort.table.assign(site=["a", "b"] * 30))
    audited = audit(folds, two)
    assert audited["sites"].tolist() == ["2"] * 3
    assert audited["site_shared"].tolist() == [1, 1, 1]
    unknown = dataclasses.replace(cohort, table=cohort.table.assign(site=None))
    audited = audit(folds, unknown)
    assert audited["site_shared"].isna().all()
    assert audited["sites"].tolist() == [""] * 3


def test_a_median_follow_up_is_that_of_the_reverse_kaplan_meier(cohort) -> None:
    table = cohort.table.assign(time_days=np.arange(1, 61) * 100.0, event=False)
    table.loc[table.index[::4], "event"] = True
    folds = _folds(dataclasses.replace(cohort, table=table))
    years = audit(folds, dataclasses.replace(cohort, table=table))["follow_up_years"]
    assert ((years > 5) & (years < 12)).all()


def test_few_events_are_marked(cohort, quiet_console) -> None:
    audited = audit(_folds(cohort), cohort).assign(events=[9, 10, 3])
    assert warnings(audited, RunConfig(), cohort) == [
        "fewer than 10 events in fold 0, 2: mostly chance"
    ]
    print_audit(audited, RunConfig(), cohort, quiet_console, full=True)
    printed = quiet_console.file.getvalue()
    assert "fewer than 10 events in fold 0, 2" in printed
    assert "site in" in printed
    assert max(map(len, printed.splitlines())) <= 80


def test_a_fold_beyond_the_last_is_refused(cohort, tmp_path) -> None:
    file = tmp_path / "folds.csv"
    rows = [f"{patient},{i % 2}" for i, patient in enumerate(cohort.table.index)]
    file.write_text("\n".join(["patient_id,fold", *rows, "Q1,0"]))
    config = RunConfig(folds_file=str(file), only_folds=(1, 2))
    assert config.problems() == []
    with pytest.raises(BadInput, match=r"\[2\]: folds count from 0 to 1"):
        draw_folds(config, cohort)
    assert warnings(audit(_folds(cohort), cohort).assign(events=20), config, cohort) == [
        "1 patients of the split are not in the cohort: Q1"
    ]


def test_a_fifth_without_an_event_cannot_stop_a_member(cohort) -> None:
    folds = _folds(cohort)
    inner = folds.table.set_index("patient_id")["inner0"]
    few = dataclasses.replace(cohort, table=cohort.table.assign(event=inner != 3))
    config = RunConfig(folds=3, ensemble=5, inner="rotate")
    with pytest.raises(BadInput, match=r"fold 0 of cohort toy: no event that member 3 could stop"):
        check_members(config, few, folds)
    check_members(dataclasses.replace(config, ensemble=3), few, folds)
    check_members(dataclasses.replace(config, inner="fixed"), few, folds)

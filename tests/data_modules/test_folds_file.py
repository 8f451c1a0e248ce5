from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
import pytest

from data_modules.folds import make_folds
from data_modules.folds_file import read_folds, write_folds
from data_modules.problems import BadInput


def test_folds_survive_the_disk(load, tmp_path) -> None:
    cohort = load()
    folds = make_folds(cohort, n_folds=3, protocol="nested", seed=0)
    write_folds(folds, tmp_path / "folds.csv")
    read = read_folds(tmp_path / "folds.csv", cohort, "nested")
    assert read.hash == folds.hash
    assert read.n_folds == 3
    for k in range(3):
        assert read.patients(k, "val") == folds.patients(k, "val")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("P01,", "Z01,", "not the patients of the cohort: \\['P01', 'Z01'\\]"),
        ("train", "training", "no role 'training'"),
        ("121.75,1", "121.75,0", "column event: differs from the cohort"),
    ],
)
def test_folds_of_other_data_are_refused(load, tmp_path, old, new, message) -> None:
    cohort = load()
    path = tmp_path / "folds.csv"
    write_folds(make_folds(cohort, n_folds=3, protocol="nested", seed=0), path)
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    with pytest.raises(BadInput, match=message):
        read_folds(path, cohort, "nested")


def _stored(cohort, path, *, protocol="nested") -> pd.DataFrame:
    write_folds(make_folds(cohort, n_folds=3, protocol=protocol, seed=0), path)
    return pd.read_csv(path, dtype=str)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t.drop(columns="stratum"), "column stratum: no such column"),
        (lambda t: t.drop(columns="role1"), "column role1: no such column"),
        (lambda t: t.drop(columns="inner1"), "column inner1: no such column"),
        (lambda t: t.assign(inner2="4"), "column inner2: 4 does not fit role"),
        (lambda t: t.assign(inner2=t["inner2"].replace("0", "5")), "5 does not fit role val"),
        (lambda t: t.assign(inner2="x"), "row 2, column inner2: 'x'"),
        (lambda t: t.assign(time_days=["x", *t["time_days"][1:]]), "row 2, column time_days: 'x'"),
        (lambda t: t.assign(time_days="1"), "row 2, column time_days: differs from the cohort"),
        (lambda t: t.iloc[::-1], "not the patients of the cohort: order"),
        (lambda t: t.assign(fold="0"), "test is the role in the patient's own fold"),
        (
            lambda t: t.replace("val", "train"),
            "column role0: no inner validation split, but",
        ),
        (lambda t: t.iloc[:0], "a header and no rows"),
    ],
)
def test_a_changed_file_is_refused(load, tmp_path, change, message) -> None:
    cohort = load()
    path = tmp_path / "folds.csv"
    change(_stored(cohort, path)).to_csv(path, index=False)
    with pytest.raises(BadInput) as error:
        read_folds(path, cohort, "nested")
    assert message in str(error.value)


def test_folds_of_the_other_protocol_or_no_folds_are_refused(load, tmp_path) -> None:
    cohort = load()
    path = tmp_path / "folds.csv"
    with pytest.raises(BadInput, match="does not exist"):
        read_folds(path, cohort, "paper")
    _stored(cohort, path)
    with pytest.raises(BadInput, match="an inner validation split, but the protocol is paper"):
        read_folds(path, cohort, "paper")
    _stored(cohort, path, protocol="paper")
    assert read_folds(path, cohort, "paper").patients(0, "val")


def test_uneven_times_survive_the_disk_to_the_bit(load, tmp_path) -> None:
    cohort = load()
    random = np.random.default_rng(0)
    times = random.uniform(1, 300, len(cohort.table)) * 365.25 / 12
    cohort = dataclasses.replace(cohort, table=cohort.table.assign(time_days=times))
    folds = make_folds(cohort, n_folds=3, protocol="nested", seed=0)
    write_folds(folds, tmp_path / "folds.csv")
    assert read_folds(tmp_path / "folds.csv", cohort, "nested").hash == folds.hash

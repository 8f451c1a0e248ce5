"""Folds of every design through the whole command."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from data_modules import site_folds
from data_modules.files import write_aside
from experiments import cells
from experiments.run import main

FAST = ("--modalities", "genes", "clinical", "--trainer.max_epochs", "1")


def _read(folder: Path, name: str = "predictions.csv") -> pd.DataFrame:
    return pd.read_csv(folder / name, dtype={"patient_id": str})


def test_repeats_are_averaged_and_the_first_is_a_run_without_repeats(run, tmp_path) -> None:
    assert run(*FAST, out="once") == 0
    assert run(*FAST, "--repeats", "2", out="twice") == 0
    once, twice = _read(tmp_path / "once"), _read(tmp_path / "twice")
    assert twice["repeat"].tolist() == [0] * 60 + [1] * 60
    pd.testing.assert_frame_equal(twice[:60].drop(columns="repeat"), once)
    assert sorted(twice["patient_id"][60:]) == sorted(once["patient_id"])
    assert (tmp_path / "twice" / "folds_audit.csv").read_text().count("\n") == 5
    scores = json.loads((tmp_path / "twice" / "metrics.json").read_text())
    assert (scores["patients"], len(scores["folds"])) == (60, 4)
    values = [fold["c_index"]["value"] for fold in scores["folds"]]
    assert scores["cv"]["c_index"]["mean"] == pytest.approx(sum(values) / 4)


def test_a_repeat_that_was_killed_goes_on_to_the_same_bytes(run, tmp_path, monkeypatch) -> None:
    flags = (*FAST, "--repeats", "2")
    assert run(*flags, out="unbroken") == 0

    def killed(context, fold, *rest: object) -> None:
        if fold == 2:
            raise KeyboardInterrupt
        honest(context, fold, *rest)

    honest = cells._run_fold
    with monkeypatch.context() as patch:
        patch.setattr(cells, "_run_fold", killed)
        with pytest.raises(KeyboardInterrupt):
            run(*flags, out="killed")
    assert main(["--resume", "--out", "killed", "--logger", "csv"]) == 0
    for name in ("predictions.csv", "metrics.json", "folds.csv", "folds_audit.csv"):
        assert (tmp_path / "killed" / name).read_bytes() == (
            tmp_path / "unbroken" / name
        ).read_bytes()


@pytest.mark.parametrize("split", ["site", "leave_one_site_out"])
def test_sites_are_never_on_both_sides(run, tmp_path, split, capsys, monkeypatch) -> None:
    monkeypatch.setattr(site_folds, "FEWEST_SITE_EVENTS", 5)
    assert run(*FAST, "--split", split) == 0
    audited = _read(tmp_path / "run", "folds_audit.csv")
    assert (audited["site_shared"] == 0).all()
    assert f"folds ({split}): " in capsys.readouterr().out
    assert len(_read(tmp_path / "run")) == 60


def test_the_folds_of_somebody_else_are_scored(run, finished, tmp_path, capsys) -> None:
    folds = _read(finished, "folds.csv")
    theirs = folds[["patient_id"]].assign(fold=[i % 3 for i in range(len(folds))])
    with write_aside(tmp_path / "theirs.csv") as aside:
        theirs.to_csv(aside, index=False)
    assert run(*FAST, "--folds_file", "theirs.csv") == 0
    joined = _read(tmp_path / "run").merge(theirs, on="patient_id", suffixes=("", "_theirs"))
    assert len(joined) == 60
    assert (joined["fold"] == joined["fold_theirs"]).all()
    assert run(*FAST, "--folds_file", "none.csv", out="other") == 2
    assert "none.csv" in capsys.readouterr().err
    assert not (tmp_path / "other").exists()


def test_a_part_of_the_cohort_is_drawn(run, tmp_path, capsys) -> None:
    assert run(*FAST, "--draw", "LumA=16", "LumB=14") == 0
    assert len(_read(tmp_path / "run")) == 30
    assert "drawn: 16 LumA and 14 LumB" in capsys.readouterr().out
    assert run(*FAST, "--draw", "LumA=99", out="other") == 2
    assert "the cohort has" in capsys.readouterr().err
    assert not (tmp_path / "other").exists()


def test_flags_that_exclude_each_other(run, tmp_path, capsys) -> None:
    assert run("--split", "site", "--folds_file", "f.csv", "--repeats", "2") == 2
    told = capsys.readouterr().err
    assert "--folds_file and --split=site exclude each other" in told
    assert "--repeats=2: a file and single sites leave nothing to draw anew" in told
    assert not (tmp_path / "run").exists()


def test_a_fold_that_there_is_not(run, tmp_path, capsys, monkeypatch) -> None:
    monkeypatch.setattr(site_folds, "FEWEST_SITE_EVENTS", 5)
    assert run("--split", "leave_one_site_out", "--only_folds", "99") == 2
    assert "[99]: folds count from 0 to" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()

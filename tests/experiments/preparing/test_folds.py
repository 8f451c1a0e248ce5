from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from experiments.prepare import main

ROOT = Path(__file__).resolve().parents[3]


def test_folds_are_those_of_a_run(toy_manifest, finished, tmp_path, monkeypatch, capsys) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["folds", str(toy_manifest), "--folds", "2", "--out", "mine/folds.csv"]) == 0
    printed = capsys.readouterr().out
    for words in ("60 patients", "subtype", "events", "wrote mine/folds.csv"):
        assert words in printed
    assert (tmp_path / "mine/folds.csv").read_bytes() == (finished / "folds.csv").read_bytes()
    twin = (tmp_path / "mine/folds_audit.csv").read_bytes()
    assert twin == (finished / "folds_audit.csv").read_bytes()


def test_nothing_is_written_where_nothing_is_asked_for(toy_manifest, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["folds", str(toy_manifest), "--draw", "LumA=20", "LumB=10"]) == 0
    assert not list(tmp_path.iterdir())


def test_bad_flags_are_told_together(toy_manifest, capsys) -> None:
    flags = ["--folds", "1", "--repeats", "0", "--folds_file", "f.csv", "--split", "site"]
    assert main(["folds", str(toy_manifest), *flags]) == 2
    told = capsys.readouterr().err
    for words in ("--folds=1", "--repeats=0", "--split=site exclude"):
        assert words in told


def test_what_cannot_be_dealt_is_refused_and_not_written(toy_manifest, tmp_path, capsys) -> None:
    out = tmp_path / "folds.csv"
    assert main(["folds", str(toy_manifest), "--stratify", "patient", "--out", str(out)]) == 2
    assert "no column 'patient'" in capsys.readouterr().err
    assert not out.exists()


@pytest.mark.real
@pytest.mark.parametrize("split", ["stratified", "site", "leave_one_site_out"])
def test_sites_of_tcga(real_data, tmp_path, split) -> None:
    manifest = ROOT / "experiments/configs/cohorts/tcga_brca_luminal_raw.yaml"
    out = tmp_path / "folds.csv"
    assert main(["folds", str(manifest), "--split", split, "--out", str(out)]) == 0
    audited = pd.read_csv(tmp_path / "folds_audit.csv")
    assert audited["patients"].sum() == 723
    assert audited["events"].sum() == 90
    if split == "stratified":
        assert (audited["site_shared"] > 0.5).all()
    else:
        assert (audited["site_shared"] == 0).all()
    if split == "site":
        # One site has 32 of the 90 events, 58 are left for the four other folds.
        assert audited["events"].max() == 32
        assert sorted(audited["events"])[0] >= 10

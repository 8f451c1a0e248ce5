from __future__ import annotations

import json
import shutil

import pytest
from matplotlib.image import imread

from experiments.prepare import main


@pytest.fixture
def manifest(toy_manifest, tmp_path, monkeypatch):  # noqa: ANN201
    monkeypatch.setenv("MMSURV_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    shutil.copytree(toy_manifest.parent, tmp_path / "mine")
    return tmp_path / "mine" / "cohort.yaml"


def test_one_page_its_twin_and_its_picture(manifest, tmp_path, capsys) -> None:
    assert main(["doctor", str(manifest)]) == 0
    printed = capsys.readouterr().out
    out = tmp_path / "runs" / "doctor" / "mine"
    twin = json.loads((out / "doctor.json").read_text())
    assert twin["problems"] == []
    for words in ("60 patients", "in the patient table", "image+genes+clinical", "missing: age",
                  "A run would start."):  # fmt: skip
        assert words in printed
    assert str(twin["endpoints"]["OS"]["events"]) in printed
    assert imread(out / "doctor.png").std() > 0.01
    assert not (tmp_path / "runs" / "doctor" / "cohort").exists()


def test_a_cohort_that_cannot_be_read_says_why_and_ends_with_2(manifest, tmp_path, capsys) -> None:
    table = manifest.parent / "clinical.csv"
    table.write_text(table.read_text().replace("os_days", "days", 1))
    assert main(["doctor", str(manifest), "--out", str(tmp_path / "d")]) == 2
    printed = capsys.readouterr().out
    assert "no such column" in printed
    assert "A run would be refused." in printed
    (problem,) = json.loads((tmp_path / "d" / "doctor.json").read_text())["problems"]
    assert problem["column"] == "os_days"
    assert not (tmp_path / "d" / "doctor.png").exists()


def test_what_a_run_would_refuse_only_later_is_refused_here_too(manifest, tmp_path, capsys) -> None:
    assert main(["doctor", str(manifest), "--folds", "59", "--out", str(tmp_path / "d")]) == 2
    printed = capsys.readouterr().out
    assert "60 patients" in printed  # the page is there all the same
    assert "A run would be refused." in printed
    assert (tmp_path / "d" / "doctor.png").is_file()


def test_a_missing_manifest_is_bad_input(tmp_path, capsys, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["doctor", "none.yaml", "--out", "d"]) == 2
    assert "the manifest does not exist" in capsys.readouterr().out

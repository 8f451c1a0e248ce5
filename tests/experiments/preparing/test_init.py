from __future__ import annotations

import pytest

from data_modules.manifest import load_manifest
from experiments.prepare import main

TABLE = "patient_id,os_days,os_event,age\n" + "".join(
    f"P{i},{10 + i},{i % 2},{40 + i}\n" for i in range(20)
)


@pytest.fixture
def downloads(tmp_path):  # noqa: ANN201
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "clinical.csv").write_text(TABLE)
    (tmp_path / "in" / "notes.txt").write_text("nothing\n")
    return tmp_path / "in"


def test_a_manifest_is_written_and_the_guesses_are_counted(downloads, capsys) -> None:
    assert main(["init", str(downloads)]) == 0
    manifest = load_manifest(downloads / "cohort.yaml")
    assert manifest.endpoints["OS"].unit == "days"
    printed = capsys.readouterr().out
    assert "clinical.csv (table, patients in 'patient_id')" in printed
    assert "not understood" in printed
    guesses = (downloads / "cohort.yaml").read_text().count("guessed")
    assert guesses
    assert f"{guesses} guesses, marked in the file" in printed
    assert main(["doctor", str(downloads / "cohort.yaml"), "--out", str(downloads / "d")]) == 0


def test_what_is_there_is_not_written_over(downloads, capsys) -> None:
    (downloads / "cohort.yaml").write_text("mine")
    assert main(["init", str(downloads)]) == 2
    assert "is already there" in capsys.readouterr().err
    assert (downloads / "cohort.yaml").read_text() == "mine"


def test_paths_are_relative_to_where_the_manifest_lies(downloads, tmp_path) -> None:
    out = tmp_path / "elsewhere" / "mine.yaml"
    assert main(["init", str(downloads), "--out", str(out)]) == 0
    assert load_manifest(out).patients.path == "../in/clinical.csv"


def test_nothing_to_describe_is_said(tmp_path, capsys) -> None:
    (tmp_path / "empty").mkdir()
    assert main(["init", str(tmp_path / "empty")]) == 2
    assert main(["init", str(tmp_path / "absent")]) == 2
    told = capsys.readouterr().err
    assert "no table, matrix or features were found" in told
    assert "the folder does not exist" in told
    assert not (tmp_path / "empty" / "cohort.yaml").exists()

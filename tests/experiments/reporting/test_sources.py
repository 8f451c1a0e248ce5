from __future__ import annotations

import json
import shutil

import pandas as pd
import pytest

from data_modules.problems import BadInput
from experiments.reporting.sources import horizons_of, load_sources


def test_a_run_folder_is_a_network_and_its_classical_models(run_folder) -> None:
    (source,) = load_sources([run_folder])
    assert [arm.name for arm in source.arms] == ["A", "cox_clinical"]
    assert [arm.kind for arm in source.arms] == ["network", "classical"]
    assert (source.main.protocol, source.main.main, source.arms[1].main) == ("nested", True, False)
    assert source.cohort.name == "hospital & sons"
    assert len(source.audit) == 3
    assert horizons_of([source]) == (5.0, 10.0)


def test_a_classical_model_of_a_paper_run_saw_no_held_out_patient(run_folder) -> None:
    config = run_folder / "config.yaml"
    config.write_text(config.read_text().replace("protocol: nested", "protocol: paper"))
    (source,) = load_sources([run_folder])
    assert [arm.protocol for arm in source.arms] == ["paper", "nested"]


def test_predictions_of_anybody_are_a_source(run_folder, tmp_path) -> None:
    theirs = tmp_path / "theirs.csv"
    shutil.copy(run_folder / "predictions.csv", theirs)
    ours, other = load_sources([run_folder, theirs])
    assert (other.name, other.main.kind, other.main.protocol) == ("theirs", "foreign", "not known")
    assert other.cohort is None
    assert other.no_cohort
    assert horizons_of([other]) == (5.0, 10.0)
    assert ours.main.rows.equals(other.main.rows)


def test_the_folder_names_a_file_that_every_run_has(run_folder) -> None:
    (source,) = load_sources([run_folder / "predictions.csv"])
    assert source.name == "A"


def test_a_folder_of_runs_is_all_of_them(run_folder, tmp_path) -> None:
    for protocol in ("nested", "paper"):
        shutil.copytree(run_folder, tmp_path / "study" / protocol / "image")
    named = [source.name for source in load_sources([tmp_path / "study"])]
    assert named == ["nested/image", "paper/image"]


def test_a_classical_model_that_two_runs_share_stands_once(run_folder, tmp_path) -> None:
    shutil.copytree(run_folder, tmp_path / "B")
    first, second = load_sources([run_folder, tmp_path / "B"])
    assert [arm.name for arm in first.arms] == ["A", "cox_clinical"]
    assert [arm.name for arm in second.arms] == ["B"]
    path = tmp_path / "B" / "baselines" / "cox_clinical.csv"
    table = pd.read_csv(path)
    table.assign(log_hazard=-table["log_hazard"]).to_csv(path, index=False)
    named = [arm.name for s in load_sources([run_folder, tmp_path / "B"]) for arm in s.arms]
    assert named == ["A", "A: cox_clinical", "B", "B: cox_clinical"]


def test_a_fold_without_an_answer_keeps_its_reason(run_folder) -> None:
    path = run_folder / "baselines" / "cox_clinical.csv"
    table = pd.read_csv(path)
    table.loc[table["fold"] == 1, "log_hazard"] = None
    table.to_csv(path, index=False)
    folds = [{"fold": 1, "c_index": {"value": None, "reason": "did not converge"}}]
    told = {"cox_clinical": {"folds": folds}}
    (run_folder / "baselines.json").write_text(json.dumps(told))
    arm = load_sources([run_folder])[0].arms[1]
    assert arm.unanswered == {1: "did not converge"}
    assert not arm.answered
    assert set(arm.rows["fold"]) == {0, 2}


def test_everything_wrong_is_told_at_once(run_folder, tmp_path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(BadInput) as error:
        load_sources([tmp_path / "empty", tmp_path / "gone.csv"])
    assert "is the run finished?" in str(error.value)
    assert "the file does not exist" in str(error.value)
    with pytest.raises(BadInput, match="named twice"):
        load_sources([run_folder, run_folder])


def test_patients_whom_nobody_dealt_are_refused(run_folder) -> None:
    folds = pd.read_csv(run_folder / "folds.csv")
    folds.iloc[1:].to_csv(run_folder / "folds.csv", index=False)
    with pytest.raises(BadInput, match=r"lacks patients of predictions.csv: \['P000'\]"):
        load_sources([run_folder])


def test_a_run_that_kept_no_cohort_says_what_is_left_out(run_folder, toy_manifest) -> None:
    (run_folder / "cohort.json").unlink()
    (source,) = load_sources([run_folder])
    assert source.cohort is None
    assert "hospital.yaml is not a file here" in source.no_cohort
    config = run_folder / "config.yaml"
    config.write_text(config.read_text().replace("hospital.yaml", str(toy_manifest)))
    (source,) = load_sources([run_folder])
    assert source.cohort is not None
    assert {"age", "grade"} <= set(source.cohort.covariates)

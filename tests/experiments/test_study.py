from __future__ import annotations

import json
import shutil
from pathlib import Path

import pandas as pd
import pytest
import yaml

from data_modules.features import ResidentStore
from experiments import parallel
from experiments import study as study_module
from experiments.run import main

ARMS = ("image+clinical@maxvit", "image@resnet50", "genes", "cox_clinical")
FLAGS = ("--trainer.max_epochs", "1", "--arms", *ARMS, "--baselines", "true")
PLACES = [
    f"{protocol}/{arm}"
    for protocol in ("nested", "paper")
    for arm in ("image-clinical-maxvit", "image-resnet50", "genes")
]


@pytest.fixture(scope="module")
def study(command, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("study") / "run"
    assert command(*FLAGS, "--protocols", "nested", "paper", out=folder) == 0
    return folder


def _read(path: Path) -> pd.DataFrame:
    return pd.read_csv(path, dtype={"patient_id": str})


def test_every_arm_is_a_run_on_the_same_patients_and_folds(study) -> None:
    first = _read(study / PLACES[0] / "predictions.csv")
    for place in [*PLACES, "nested/cox_clinical", "paper/cox_clinical"]:
        rows = _read(study / place / "predictions.csv")
        same = ["patient_id", "fold", "time_days", "event"]
        assert rows[same].equals(first[same]), place
        assert rows.columns.tolist() == first.columns.tolist()
        for name in ("metrics.json", "metrics.csv", "folds.csv", "environment.json"):
            assert (study / place / name).is_file()


def test_each_run_holds_the_configuration_that_makes_it_alone(study, run, tmp_path) -> None:
    config = yaml.safe_load((study / "paper" / "image-resnet50" / "config.yaml").read_text())
    assert (config["modalities"], config["encoder"]) == (["image"], "resnet50")
    assert (config["protocol"], config["arms"]) == ("paper", [])
    home = study / "paper" / "image-resnet50"
    assert main(["--config", str(home / "config.yaml"), "--out", "alone"]) == 0
    alone = (tmp_path / "alone" / "predictions.csv").read_bytes()
    assert alone == (home / "predictions.csv").read_bytes()
    # Alone it fits the classical models that the study took from the other protocol.
    for name in ("fold1/baselines.csv", "fold1/baselines.json", "baselines.json"):
        assert (tmp_path / "alone" / name).read_bytes() == (home / name).read_bytes(), name


def test_the_classical_arm_is_the_model_of_the_first_run_that_sees_as_much(study) -> None:
    origin = study / "nested" / "image-clinical-maxvit"
    own = (study / "nested" / "cox_clinical" / "predictions.csv").read_bytes()
    assert own == (origin / "baselines" / "cox_clinical.csv").read_bytes()
    assert not (study / "nested" / "cox_clinical" / "config.yaml").exists()


def test_the_table_holds_the_numbers_of_the_runs(study) -> None:
    table = pd.read_csv(study / "table1.csv")
    for place, arm in (("nested/genes", "genes"), ("paper/cox_clinical", "cox_clinical")):
        scores = json.loads((study / place / "metrics.json").read_text())
        rows = table[(table["arm"] == arm) & (table["protocol"] == place.split("/")[0])]
        found = rows.set_index("fold")["c_index"]
        assert found["mean"] == pytest.approx(scores["cv"]["c_index"]["mean"])
        assert found["1"] == pytest.approx(scores["folds"][1]["c_index"]["value"])
    content = json.loads((study / "table1.json").read_text())
    assert [entry["arm"] for entry in content["arms"]] == [*ARMS, *ARMS]
    gap = content["gap"]["genes"]["mean"]
    means = table[(table["arm"] == "genes") & (table["fold"] == "mean")].set_index("protocol")
    expected = means.loc["paper", "c_index"] - means.loc["nested", "c_index"]
    assert gap == pytest.approx(expected)
    assert "Paper minus nested" in (study / "table1.md").read_text()


def test_a_killed_study_goes_on_to_the_same_bytes_in_any_order(
    study, tmp_path, monkeypatch, capsys
) -> None:
    folder = shutil.copytree(study, tmp_path / "run")
    shutil.rmtree(folder / "paper")
    for name in ("table1.csv", "nested/genes/metrics.json", "nested/genes/fold1/predictions.csv"):
        (folder / name).unlink()

    def backwards(work, tasks, **options: object):  # noqa: ANN202
        for index in reversed(range(len(tasks))):
            yield index, work(tasks[index])

    monkeypatch.setattr(parallel, "fan_out", backwards)
    assert main(["--resume", "--out", str(folder), "--jobs", "2", "--logger", "csv"]) == 0
    printed = capsys.readouterr().out
    assert "nested/genes: fold0: done before" in printed
    assert "paper/genes: fold1 of 2: 1 epochs" in printed
    for name in ("table1.csv", "table1.md", "table1.json", *(f"{p}/metrics.json" for p in PLACES)):
        assert (folder / name).read_bytes() == (study / name).read_bytes(), name


def test_arms_that_see_the_same_features_hold_their_bags_once(run, tmp_path, monkeypatch) -> None:
    held = {}

    def stop(config, contexts, folder, console):  # noqa: ANN202
        for context in contexts:
            held[context.folder.name] = context.cohort.features
        raise KeyboardInterrupt

    monkeypatch.setattr(study_module, "_finish", stop)
    arms = ("image+genes@maxvit", "image@maxvit", "image", "image@resnet50")
    with pytest.raises(KeyboardInterrupt):
        run("--arms", *arms)
    one, two, default, other = held.values()
    assert isinstance(one, ResidentStore)
    assert one is two is default
    assert isinstance(other, ResidentStore)
    assert other is not one


def test_one_protocol_needs_no_folder_of_its_own(run, tmp_path, capsys) -> None:
    flags = ("--trainer.max_epochs", "1", "--arms", "genes", "clinical", "--protocol", "paper")
    assert run(*flags) == 0
    assert (tmp_path / "run" / "genes" / "predictions.csv").is_file()
    assert "protocol paper" in capsys.readouterr().out


def test_protocols_alone_compare_the_modalities_of_the_run(run, tmp_path) -> None:
    flags = ("--trainer.max_epochs", "1", "--modalities", "genes", "--protocols", "nested", "paper")
    assert run(*flags) == 0
    assert (tmp_path / "run" / "paper" / "genes" / "predictions.csv").is_file()


def test_an_encoder_that_the_cohort_lacks_ends_it_before_it_starts(run, tmp_path, capsys) -> None:
    assert run("--arms", "genes", "image@uni") == 2
    assert "--encoder=uni" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def test_arms_of_other_patients_are_refused(run, toy_manifest, tmp_path, capsys) -> None:
    home = tmp_path / "cohort"
    shutil.copytree(toy_manifest.parent, home)
    manifest = yaml.safe_load((home / "cohort.yaml").read_text())
    manifest["include"] = [{"has": ["image"]}]
    (home / "cohort.yaml").write_text(yaml.safe_dump(manifest))
    gone = sorted((home / "features" / "resnet50").glob("*.h5"))[0].stem
    patient = gone.rsplit("-", 1)[0]
    for file in (home / "features" / "resnet50").glob(f"{patient}-*"):
        file.unlink()
    flags = ("--arms", "image@maxvit", "image@resnet50")
    assert run(*flags, cohort=home / "cohort.yaml") == 2
    told = capsys.readouterr().err
    assert patient in told
    assert not (tmp_path / "run").exists()

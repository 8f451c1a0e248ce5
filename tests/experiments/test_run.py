from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
import torch

from experiments.parsing import parse_run
from experiments.run import main
from mmsurv.models import FUSIONS, POOLINGS

ROOT = Path(__file__).parents[2]


def test_a_run_leaves_everything_that_the_design_promises(finished) -> None:
    for name in (
        "config.yaml", "environment.json", "folds.csv", "predictions.csv", "metrics.json",
        "metrics.csv", "fold0/best.ckpt", "fold1/best.ckpt", "fold0/history.csv",
        "figures/kaplan_meier.png", "figures/training.png",
    ):  # fmt: skip
        assert (finished / name).stat().st_size > 0, name
    assert not [path for path in finished.rglob("*") if path.name.endswith(".partial")]


def test_every_patient_is_predicted_once_by_the_fold_that_held_it_out(finished) -> None:
    predictions = pd.read_csv(finished / "predictions.csv", dtype={"patient_id": str})
    folds = pd.read_csv(finished / "folds.csv", dtype={"patient_id": str})
    assert sorted(predictions["patient_id"]) == sorted(folds["patient_id"])
    joined = predictions.merge(folds, on="patient_id", suffixes=("", "_folds"))
    assert (joined["fold"] == joined["fold_folds"]).all()
    assert (joined["time_days"] == joined["time_days_folds"]).all()
    survival = predictions.filter(like="survival_")
    assert survival.shape[1] == 40
    assert ((survival >= 0) & (survival <= 1)).all().all()
    assert (survival.diff(axis=1).iloc[:, 1:] <= 1e-12).all().all()
    assert set(predictions["risk_group"]) <= {"high", "low"}


def test_metrics_name_the_protocol_and_average_the_folds(finished) -> None:
    metrics = json.loads((finished / "metrics.json").read_text())
    assert metrics["protocol"] == "nested"
    values = [fold["c_index"]["value"] for fold in metrics["folds"]]
    assert metrics["cv"]["c_index"]["mean"] == pytest.approx(sum(values) / 2)
    assert metrics["patients"] == sum(fold["patients"] for fold in metrics["folds"]) == 60


def test_environment_tells_versions_seed_and_hashes(finished) -> None:
    environment = json.loads((finished / "environment.json").read_text())
    assert environment["versions"]["torch"].split("+")[0] == torch.__version__.split("+")[0]
    assert {"commit", "seed", "data_hash", "folds_hash", "python"} <= set(environment)


def test_the_stored_configuration_runs_the_same_again_to_the_byte(finished, run, tmp_path) -> None:
    assert main(["--config", str(finished / "config.yaml"), "--out", "again"]) == 0
    again = (tmp_path / "again" / "predictions.csv").read_bytes()
    assert again == (finished / "predictions.csv").read_bytes()


def test_another_seed_is_another_run(finished, run, tmp_path) -> None:
    assert run("--seed", "1", out="other") == 0
    other = (tmp_path / "other" / "predictions.csv").read_bytes()
    assert other != (finished / "predictions.csv").read_bytes()


def test_with_the_cohort_as_risk_set_the_batch_size_decides_nothing(run, tmp_path) -> None:
    flags = ("--risk_set", "cohort", "--model.dropout", "0", "--optim.lr", "0.01")
    for size in ("7", "1000"):
        assert run(*flags, "--data.batch_size", size, out=size) == 0
    seven, all_ = (pd.read_csv(tmp_path / size / "predictions.csv") for size in ("7", "1000"))
    assert seven["log_hazard"].to_numpy() == pytest.approx(all_["log_hazard"].to_numpy(), abs=1e-3)
    assert all_["log_hazard"].std() > 0.1


@pytest.mark.parametrize("fusion", FUSIONS)
def test_every_fusion_runs(run, fusion) -> None:
    assert run("--fusion", fusion, "--trainer.max_epochs", "1", "--pooling", "mean") == 0


@pytest.mark.parametrize("pooling", POOLINGS)
def test_every_pooling_runs(run, pooling) -> None:
    assert run("--pooling", pooling, "--trainer.max_epochs", "1") == 0


@pytest.mark.parametrize(
    "flags",
    [
        ("--modalities", "image"),
        ("--modalities", "genes", "clinical"),
        ("--modalities=[clinical]",),
        ("--encoder", "resnet50"),
        ("--loss", "discrete"),
        ("--ties", "breslow", "--protocol", "paper"),
        ("--ensemble", "2", "--modalities", "genes"),
        ("--data.max_patches", "3", "--data.cache", "true"),
        ("--only_folds", "1", "--horizons", "3"),
        ("--model.clinical_start", "random", "--trainer.gradient_clip", "1.0"),
    ],
)
def test_every_choice_runs_to_the_end(run, flags) -> None:
    assert run("--trainer.max_epochs", "1", *flags) == 0


def test_workers_give_the_same_bytes(finished, run, tmp_path) -> None:
    assert run("--data.workers", "2", out="workers") == 0
    workers = (tmp_path / "workers" / "predictions.csv").read_bytes()
    assert workers == (finished / "predictions.csv").read_bytes()


def test_the_protocol_paper_stops_on_the_fold_that_it_reports(run, tmp_path) -> None:
    assert run("--protocol", "paper") == 0
    folds = pd.read_csv(tmp_path / "run" / "folds.csv")
    assert set(folds["role0"]) == {"train", "test"}
    metrics = json.loads((tmp_path / "run" / "metrics.json").read_text())
    assert metrics["protocol"] == "paper"
    history = pd.read_csv(tmp_path / "run" / "fold0" / "history.csv")
    kept = history.loc[history["val/loss"].idxmin(), "val/c_index"]
    assert metrics["folds"][0]["c_index"]["value"] == pytest.approx(kept, abs=1e-5)


def test_the_table_and_where_the_results_lie_are_printed(run, capsys) -> None:
    assert run() == 0
    printed = capsys.readouterr().out
    for words in ("C-index", "IBS 5 y", "comparable", "mean ± sd", "nested", "results: run"):
        assert words in printed


def test_a_horizon_beyond_follow_up_is_a_dash_with_its_reason(run, capsys, tmp_path) -> None:
    assert run("--horizons", "5", "40") == 0
    metrics = json.loads((tmp_path / "run" / "metrics.json").read_text())
    entry = metrics["folds"][0]["ibs_40y"]
    assert entry["value"] is None
    assert "follow-up" in entry["reason"]
    assert "ibs_40y, auc_40y, brier_40y" in capsys.readouterr().out


def test_help_explains_every_field_and_imports_nothing_heavy() -> None:
    code = (
        "import sys; from experiments.parsing import run_parser\n"
        "text = run_parser().format_help()\n"
        "heavy = {'torch', 'lightning', 'pandas', 'wandb'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
        "print(text)"
    )
    out = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    flags = [line for line in out.splitlines() if line.startswith("  --")]
    assert len(flags) > 40
    for words in ("self_attention,abmil,mean,latent", "Cox risk set is the batch", "Learning rate"):
        assert words in out


def test_sweep_spelling_of_every_kind_of_value_parses() -> None:
    config = parse_run(
        ["--model.heads=8", "--optim.lr=3e-05", "--modalities=['image', 'genes']",
         "--only_folds=[0, 1]", "--data.cache=True"]
    )  # fmt: skip
    assert config.model.heads == 8
    assert config.optim.lr == 3e-05
    assert config.modalities == ("image", "genes")
    assert config.only_folds == (0, 1)
    assert config.data.cache is True


@pytest.mark.parametrize(("given", "found"), [(None, "PASSIVE"), ("ACTIVE", "ACTIVE")])
def test_waiting_threads_leave_the_cores_to_others(run, monkeypatch, given, found) -> None:
    monkeypatch.setenv("OMP_WAIT_POLICY", given or "")
    if given is None:
        monkeypatch.delenv("OMP_WAIT_POLICY")
    assert run("--trainer.max_epochs", "1", "--modalities", "clinical") == 0
    assert os.environ["OMP_WAIT_POLICY"] == found

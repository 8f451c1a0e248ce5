from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from experiments import parallel
from experiments.config import RunConfig, WandbConfig
from experiments.loggers import wandb_mode


def _records(folder: Path) -> dict:
    (file,) = folder.glob("wandb/offline-run-*/run-*.wandb")
    leet = Path(sys.executable).parent / "wandb"
    out = subprocess.run(
        [leet, "leet", "inspect", "--summary", "--json", str(file)],
        capture_output=True, text=True, check=True, stdin=subprocess.DEVNULL,
    ).stdout  # fmt: skip
    return json.loads(out)


def test_the_offline_file_holds_the_numbers_of_metrics_json(run, tmp_path, monkeypatch) -> None:
    monkeypatch.delenv("WANDB_API_KEY", raising=False)
    monkeypatch.delenv("WANDB_MODE", raising=False)
    monkeypatch.setenv("NETRC", str(tmp_path / "no-netrc"))
    assert run(logger="wandb") == 0
    metrics = json.loads((tmp_path / "run" / "metrics.json").read_text())
    found = _records(tmp_path / "run")
    summary = found["summary"]
    text = json.dumps(found)
    assert summary["cv/c_index"] == pytest.approx(metrics["cv"]["c_index"]["mean"])
    assert summary["cv/c_index_sd"] == pytest.approx(metrics["cv"]["c_index"]["sd"])
    assert summary["cv/ibs_5y"] == pytest.approx(metrics["cv"]["ibs_5y"]["mean"])
    for fold in (0, 1):
        expected = metrics["folds"][fold]["c_index"]["value"]
        assert summary[f"fold{fold}/test/c_index"] == pytest.approx(expected)
        assert f"fold{fold}/val/loss" in text
    assert "model.width" in text


def test_curves_of_other_processes_are_told_by_the_one_that_holds_the_run(
    run, tmp_path, monkeypatch
) -> None:
    monkeypatch.setattr(
        parallel, "fan_out", lambda work, tasks, **_: ((i, work(t)) for i, t in enumerate(tasks))
    )
    assert run("--jobs", "2", logger="wandb") == 0
    summary = _records(tmp_path / "run")["summary"]
    for fold in (0, 1):
        last = pd.read_csv(tmp_path / "run" / f"fold{fold}" / "history.csv").iloc[-1]
        for name in ("epoch", "val/loss", "train/loss", "val/c_index"):
            assert summary[f"fold{fold}/{name}"] == pytest.approx(last[name])
    assert "cv/c_index" in summary


def test_tensorboard_leaves_event_files(run, tmp_path) -> None:
    assert run("--trainer.max_epochs", "1", logger="tensorboard") == 0
    assert list((tmp_path / "run" / "tensorboard" / "fold0").glob("events.*"))


def test_csv_leaves_curves(run, tmp_path) -> None:
    assert run("--trainer.max_epochs", "1") == 0
    text = (tmp_path / "run" / "csv" / "fold1" / "metrics.csv").read_text()
    assert "val/loss" in text.splitlines()[0]


def test_online_only_where_a_key_is_configured(monkeypatch, tmp_path) -> None:
    monkeypatch.delenv("WANDB_MODE", raising=False)
    monkeypatch.delenv("WANDB_API_KEY", raising=False)
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    assert wandb_mode(RunConfig()) == "offline"
    (tmp_path / "netrc").write_text("machine api.wandb.ai login user password 0123\n")
    assert wandb_mode(RunConfig()) == "online"
    (tmp_path / "netrc").write_text("machine example.org login user password 0123\n")
    assert wandb_mode(RunConfig()) == "offline"
    monkeypatch.setenv("WANDB_API_KEY", "0123")
    assert wandb_mode(RunConfig()) == "online"
    monkeypatch.setenv("WANDB_MODE", "disabled")
    assert wandb_mode(RunConfig()) == "disabled"
    assert wandb_mode(RunConfig(wandb=WandbConfig(mode="offline"))) == "offline"

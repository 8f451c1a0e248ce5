"""The real `wandb agent` against a server on this machine: login, command line, environment."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

import experiments

ROOM = Path(experiments.__file__).parent
TINY = [
    "--toy.patients=40", "--toy.patches_min=2", "--toy.patches_max=4", "--toy.censoring=0.2",
    "--folds=2", "--trainer.max_epochs=1", "--trainer.threads=1", "--model.heads=2",
]  # fmt: skip
CONFIGURATIONS = [
    {"optim.lr": 3e-05, "model.width": 8, "modalities": ["genes", "clinical"], "data.cache": True},
    {"optim.lr": 0.01, "model.width": 8, "modalities": ["clinical"], "data.cache": False},
]
KEY = "0" * 40


def _sweep() -> dict:
    content = yaml.safe_load((ROOM / "sweeps" / "optimiser.yaml").read_text(encoding="utf-8"))
    place = content["command"].index("${args}")
    content["command"][place:place] = TINY
    return content


def _agent(url: str, folder: Path, seconds: int = 240) -> subprocess.CompletedProcess[str]:
    bin_folder = Path(sys.executable).parent
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith("WANDB_")
    } | {
        "WANDB_BASE_URL": url, "WANDB_API_KEY": KEY, "PYTHONPATH": str(ROOM.parent),
        "PATH": f"{bin_folder}{os.pathsep}{os.environ['PATH']}", "HOME": str(folder),
        "WANDB_AGENT_DISABLE_FLAPPING": "true",
    }  # fmt: skip
    return subprocess.run(
        [bin_folder / "wandb", "agent", "team/mmsurv/abc123"], cwd=folder, env=environment,
        capture_output=True, text=True, timeout=seconds, stdin=subprocess.DEVNULL, check=False,
    )  # fmt: skip


@pytest.mark.slow
def test_an_agent_runs_what_a_server_hands_out(stand_in, tmp_path) -> None:
    server = stand_in(_sweep(), CONFIGURATIONS)
    ended = _agent(server.url, tmp_path)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert server.given == ["run0", "run1"]
    for name, values in zip(server.given, CONFIGURATIONS, strict=True):
        run = server.runs[name]
        assert run.exit_code == 0, ended.stdout + ended.stderr
        assert run.sweep == "abc123"
        assert values.items() <= run.config.items()
        metrics = json.loads(
            (tmp_path / "runs" / "sweep-abc123" / name / "metrics.json").read_text()
        )
        assert run.summary["cv/inner_loss"] == pytest.approx(metrics["inner"]["loss"]["mean"])
        assert run.summary["cv/c_index"] == pytest.approx(metrics["cv"]["c_index"]["mean"])
        course = [row for row in run.history if "cv/folds_done" in row]
        assert [row["cv/folds_done"] for row in course] == [1, 2]
        assert course[-1]["cv/inner_loss"] == pytest.approx(run.summary["cv/inner_loss"])


@pytest.mark.slow
def test_a_server_that_dies_during_a_run_costs_nothing(stand_in, tmp_path) -> None:
    server = stand_in(_sweep(), CONFIGURATIONS[:1])
    server.on_history = lambda run: server.stop()
    # The agent itself waits for its server; the run is what must not be lost.
    with contextlib.suppress(subprocess.TimeoutExpired):
        _agent(server.url, tmp_path, seconds=150)
    folder = tmp_path / "runs" / "sweep-abc123" / "run0"
    metrics = json.loads((folder / "metrics.json").read_text())
    assert metrics["inner"]["loss"]["mean"] > 0
    assert list(folder.glob("wandb/run-*/run-run0.wandb"))

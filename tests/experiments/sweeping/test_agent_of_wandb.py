"""The real `wandb agent` against a server on this machine: login, command line, environment."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml

import experiments
from experiments.config_parts import WandbConfig

ROOM = Path(experiments.__file__).parent
TINY = [
    "--toy.patients=40", "--toy.patches_min=2", "--toy.patches_max=4", "--toy.censoring=0.2",
    "--folds=2", "--trainer.max_epochs=1", "--trainer.threads=1", "--model.heads=2",
    "--baselines=false",
]  # fmt: skip
CONFIGURATIONS = [
    {"optim.lr": 3e-05, "model.width": 8, "modalities": ["genes", "clinical"], "data.cache": True},
    {"optim.lr": 0.01, "model.width": 8, "modalities": ["clinical"], "data.cache": False},
]
KEY = "0" * 40
AGENT = [str(Path(sys.executable).parent / "wandb"), "agent"]


def _sweep() -> dict:
    content = yaml.safe_load((ROOM / "sweeps" / "optimiser.yaml").read_text(encoding="utf-8"))
    place = content["command"].index("${args}")
    content["command"][place:place] = TINY
    return content


def _environment(url: str, folder: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("WANDB_")}
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return kept | {
        "WANDB_BASE_URL": url, "WANDB_API_KEY": KEY, "PYTHONPATH": str(ROOM.parent), "PATH": path,
        "HOME": str(folder), "WANDB_AGENT_DISABLE_FLAPPING": "true",
    }  # fmt: skip


@pytest.mark.parametrize("file", sorted((ROOM / "sweeps").glob("*.yaml")), ids=lambda f: f.stem)
def test_a_sweep_lands_in_the_project_of_the_runs(file, stand_in, command, tmp_path) -> None:
    """Without a project of its own, W&B makes one up from the name of the program."""
    server = stand_in({}, [])
    made = command(
        [AGENT[0], "sweep", str(file)], cwd=tmp_path, env=_environment(server.url, tmp_path),
        seconds=60,
    )  # fmt: skip
    assert made.returncode == 0, made.stdout
    (sent,) = server.sweeps
    assert sent["projectName"] == WandbConfig().project
    assert yaml.safe_load(sent["config"])["project"] == WandbConfig().project
    assert "wandb agent team/mmsurv/abc" in made.stdout


class Served(NamedTuple):
    """What an agent made of three configurations.

    Attributes:
        server: Its record of them.
        printed: By the agent and its runs.
        folder: Of the runs.
    """

    server: Any
    printed: str
    folder: Path


@pytest.fixture(scope="module")
def served(stand_in, command, tmp_path_factory) -> Served:
    """The first would never end and is to be stopped, by the word of the heartbeat."""
    home = tmp_path_factory.mktemp("agent")
    endless = {"trainer.max_epochs": 100_000, "trainer.patience": 100_000}
    server = stand_in(_sweep(), [CONFIGURATIONS[1] | endless, *CONFIGURATIONS])
    server.on_history = lambda run: server.stopping.add("run0")
    ended = command([*AGENT, "team/mmsurv/abc123"], cwd=home, env=_environment(server.url, home))
    assert ended.returncode == 0, ended.stdout
    return Served(server, ended.stdout, home / "runs" / "sweep-abc123")


@pytest.mark.slow
def test_an_agent_runs_what_a_server_hands_out(served) -> None:
    assert served.server.given == ["run0", "run1", "run2"]
    for name, values in zip(served.server.given[1:], CONFIGURATIONS, strict=True):
        run = served.server.runs[name]
        assert run.exit_code == 0, served.printed
        assert run.sweep == "abc123"
        assert values.items() <= run.config.items()
        metrics = json.loads((served.folder / name / "metrics.json").read_text())
        assert run.summary["cv/inner_loss"] == pytest.approx(metrics["inner"]["loss"]["mean"])
        assert run.summary["cv/c_index"] == pytest.approx(metrics["cv"]["c_index"]["mean"])
        course = [row for row in run.history if "cv/folds_done" in row]
        assert [row["cv/folds_done"] for row in course] == [1, 2]
        assert course[-1]["cv/inner_loss"] == pytest.approx(run.summary["cv/inner_loss"])


@pytest.mark.slow
def test_an_agent_is_told_to_stop_a_run_and_goes_on_with_the_next(served) -> None:
    """As hyperband does on W&B's server, while folds are to come."""
    assert served.server.runs["run0"].history, "it was stopped before it logged anything"
    assert not (served.folder / "run0" / "metrics.json").exists()
    assert (served.folder / "run1" / "metrics.json").is_file()
    assert served.server.runs["run1"].exit_code == 0


@pytest.mark.slow
def test_a_server_that_dies_during_a_run_costs_nothing(
    stand_in, command, summary_of, tmp_path
) -> None:
    server = stand_in(_sweep(), CONFIGURATIONS[:1])
    server.on_history = lambda run: server.stop()
    folder = tmp_path / "runs" / "sweep-abc123" / "run0"
    agent = subprocess.Popen(
        [*AGENT, "team/mmsurv/abc123"], cwd=tmp_path, env=_environment(server.url, tmp_path),
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        kept = _waited_for(folder, summary_of, seconds=200)
    finally:
        # The agent waits for its server. Asked three times, it kills the run that is still trying
        # to reach it, and ends.
        for _ in range(3):
            agent.send_signal(signal.SIGINT)
            time.sleep(1)
        agent.wait(30)
    assert server.dead
    metrics = json.loads((folder / "metrics.json").read_text())
    assert kept["cv/inner_loss"] == pytest.approx(metrics["inner"]["loss"]["mean"])
    assert kept["cv/c_index"] == pytest.approx(metrics["cv"]["c_index"]["mean"])
    back = stand_in(_sweep(), [])
    (left,) = folder.glob("wandb/run-*")
    synced = command(
        [AGENT[0], "sync", "--include-online", str(left)],
        cwd=tmp_path,
        env=_environment(back.url, tmp_path),
    )
    assert synced.returncode == 0, synced.stdout
    sent = back.runs["run0"]
    assert sent.summary["cv/c_index"] == pytest.approx(metrics["cv"]["c_index"]["mean"])
    assert [row["fold1/epoch"] for row in sent.history if "fold1/epoch" in row] == [0]


def _waited_for(folder: Path, summary_of, seconds: float) -> dict:
    """The summary in the file that `wandb sync` sends, as soon as the run has finished it."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        time.sleep(2)
        if not (folder / "metrics.json").is_file():
            continue
        (file,) = folder.glob("wandb/run-*/run-run0.wandb")
        summary = summary_of(file).get("summary", {})
        if "cv/c_index" in summary:
            return summary
    return {}

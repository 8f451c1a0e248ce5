"""Every YAML that is shipped runs through the real command."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

import experiments
from experiments.baselines import forest
from experiments.parsing import parse_run
from experiments.run import main
from experiments.sweeping.agent import Order, serve
from experiments.sweeping.board import leaderboard
from experiments.sweeping.check import with_defaults
from experiments.sweeping.study import claim, grid_size, open_study
from experiments.sweeping.sweep_file import read_sweep

ROOM = Path(experiments.__file__).parent
ROOT = ROOM.parent
CONFIGS = sorted((ROOM / "configs").glob("*.yaml"))
SWEEPS = sorted((ROOM / "sweeps").glob("*.yaml"))

pytestmark = pytest.mark.usefixtures("unrendered")


def _read(path: Path) -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return content


def _marked(path: Path) -> Any:
    """Those that name a cohort name a real one."""
    marks = [pytest.mark.real] if _read(path).get("cohort", "toy") != "toy" else []
    return pytest.param(path, marks=marks, id=path.stem)


def _run(path: Path, out: Path, toy_manifest: Path, *flags: str) -> dict[str, Any]:
    own = _read(path).get("cohort", "toy") == "toy"
    cohort = ["--cohort", str(toy_manifest)] if own else []
    args = ["--config", str(path), *flags, *cohort, "--folds", "2", "--logger", "csv"]
    assert main([*args, "--trainer.max_epochs", "1", "--out", str(out)]) == 0
    config = parse_run(["--config", str(path)])
    if config.arms:
        table = json.loads((out / "table1.json").read_text())
        assert len(table["arms"]) == len(config.arms) * len(config.protocols)
        return {**table["arms"][0], "protocol": config.protocol}
    metrics: dict[str, Any] = json.loads((out / "metrics.json").read_text())
    return metrics


@pytest.mark.parametrize("path", [_marked(path) for path in CONFIGS])
def test_every_configuration_runs(path, tmp_path, toy_manifest, monkeypatch, request) -> None:
    if request.node.get_closest_marker("real"):
        request.getfixturevalue("real_data")
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(forest, "TREES", 10)
    metrics = _run(path, tmp_path / "run", toy_manifest)
    assert len(metrics["folds"]) == 2
    assert 0 < metrics["cv"]["c_index"]["mean"] < 1
    config = parse_run(["--config", str(path)])
    assert metrics["protocol"] == config.protocol
    assert config.problems() == []


@pytest.mark.parametrize("path", SWEEPS, ids=lambda path: path.stem)
def test_every_sweep_runs(path, tmp_path, toy_manifest) -> None:
    """The last configurations of a grid differ most from the defaults."""
    sweep = read_sweep(path)
    flags = [
        "--cohort", str(toy_manifest), "--folds=2", "--trainer.max_epochs=1", "--model.heads=2",
        "--model.width=16",
    ]  # fmt: skip
    count = grid_size(sweep) if sweep.method == "grid" else 2
    order = Order(tmp_path, sweep, with_defaults(sweep, flags), count, seed=0)
    for number in range(count - 2):
        study = open_study(tmp_path, sweep)
        taken = claim(tmp_path, sweep, count=count, seed=0)
        study.tell(number, 0.0)
        taken.lock.close()
    assert serve(order, 0) == 2
    board = leaderboard(tmp_path, sweep)
    last = board[board["configuration"] > count - 2]
    assert set(last["state"]) <= {"ranked", "unranked"}, last["reason"].tolist()
    assert (last["state"] == "ranked").any()


def test_something_is_shipped() -> None:
    assert CONFIGS
    assert {path.stem for path in SWEEPS} == {"fusion", "optimiser", "table1"}
    for manifest in (ROOM / "configs").rglob("*.yaml"):
        assert manifest in CONFIGS or manifest.parent.name == "cohorts", manifest

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import wandb

import experiments
from data_modules.problems import BadInput
from experiments.sweeping.agent import run_folder, serve
from experiments.sweeping.push import push

ROOT = Path(experiments.__file__).parents[1]


@pytest.fixture(autouse=True)
def _no_key(monkeypatch, tmp_path) -> Iterator[None]:
    for name in ("WANDB_API_KEY", "WANDB_MODE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NETRC", str(tmp_path / "no-netrc"))
    yield
    # W&B's own process keeps the folder that it was started in.
    wandb.teardown()


def test_without_a_key_runs_are_written_for_later(order, capsys, summary_of) -> None:
    made = order(count=2)
    serve(made, 0)
    assert push(made) == 0
    assert "later: wandb sync" in capsys.readouterr().out
    for number in (0, 1):
        folder = run_folder(made.folder, number)
        metrics = json.loads((folder / "metrics.json").read_text())
        (file,) = folder.glob("wandb/offline-run-*/run-*.wandb")
        found = summary_of(file)
        inner = metrics["inner"]["loss"]["mean"]
        assert found["summary"]["cv/inner_loss"] == pytest.approx(inner)
        outer = metrics["cv"]["c_index"]["mean"]
        assert found["summary"]["cv/c_index"] == pytest.approx(outer)
        assert "fold1/val/loss" in json.dumps(found)
        assert found["config"]["pooling"] == ("mean" if number == 0 else "abmil")
    assert push(made) == 0
    assert len(list(run_folder(made.folder, 0).glob("wandb/offline-run-*"))) == 1


def test_nothing_finished_is_nothing_to_push(order) -> None:
    with pytest.raises(BadInput, match="nothing has finished"):
        push(order())


@pytest.mark.slow
def test_with_a_key_runs_and_the_sweep_of_them_reach_the_server(
    order, stand_in, command, tmp_path
) -> None:
    made = order(count=1)
    serve(made, 0)
    server = stand_in({}, [])
    environment = {k: v for k, v in os.environ.items() if not k.startswith("WANDB_")} | {
        "WANDB_BASE_URL": server.url, "WANDB_API_KEY": "0" * 40, "WANDB_ENTITY": "team",
        "PYTHONPATH": str(ROOT), "HOME": str(tmp_path),
    }  # fmt: skip
    flags = [word for word in made.flags if word != "--logger=csv"]
    ended = command(
        [sys.executable, "-m", "experiments.sweep", "tiny.yaml", "--folder", str(made.folder),
         "--count", "1", *flags, "--push"],
        cwd=tmp_path, env=environment,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stdout
    (run,) = server.runs.values()
    metrics = json.loads((run_folder(made.folder, 0) / "metrics.json").read_text())
    assert run.summary["cv/inner_loss"] == pytest.approx(metrics["inner"]["loss"]["mean"])
    assert run.exit_code == 0
    (sent,) = server.sweeps
    assert "tiny" in sent["config"]
    assert json.loads(sent["priorRunsFilters"])["$or"] == [{"name": name} for name in server.runs]
    assert "sweep: abc" in ended.stdout

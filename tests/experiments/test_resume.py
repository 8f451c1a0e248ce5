"""A run killed at any moment and started again finishes with the same bytes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from lightning.pytorch import Callback

from experiments import cross_validation, training
from experiments.progress import EpochProgress
from experiments.run import main


class Killed(BaseException):
    """Stands in for a signal: nothing in the program may catch it."""


@pytest.fixture
def unbroken(run, tmp_path) -> Path:
    assert run("--trainer.max_epochs", "4") == 0
    return tmp_path / "run"


def _same(folder: Path, unbroken: Path) -> None:
    for name in ("predictions.csv", "metrics.json", "folds.csv", "fold0/history.csv"):
        assert (folder / name).read_bytes() == (unbroken / name).read_bytes(), name


def _resume(tmp_path: Path, name: str) -> None:
    assert main(["--resume", "--out", name, "--logger", "csv"]) == 0


@pytest.mark.parametrize("hook", ["on_train_epoch_end", "on_train_batch_end", "on_train_start"])
@pytest.mark.parametrize("epoch", [1, 3])
def test_killed_in_an_epoch(run, unbroken, tmp_path, monkeypatch, hook, epoch) -> None:
    def kill(self: Callback, trainer, *rest: object) -> None:
        if trainer.current_epoch == epoch or (hook == "on_train_start" and epoch == 1):
            raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(EpochProgress, hook, kill)
        try:
            run("--trainer.max_epochs", "4", out="killed")
        except Killed:
            assert not (tmp_path / "killed" / "predictions.csv").exists()
    if not (tmp_path / "killed" / "predictions.csv").exists():
        _resume(tmp_path, "killed")
    _same(tmp_path / "killed", unbroken)


@pytest.mark.parametrize(
    ("module", "step"),
    [
        (training, "_write_history"),
        (cross_validation, "score_fold"),
        (cross_validation, "cross_validated_scores"),
        (cross_validation, "_draw"),
    ],
)
def test_killed_between_steps(run, unbroken, tmp_path, monkeypatch, module, step) -> None:
    def kill(*args: object, **kwargs: object) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(module, step, kill)
        with pytest.raises(Killed):
            run("--trainer.max_epochs", "4", out="killed")
    _resume(tmp_path, "killed")
    _same(tmp_path / "killed", unbroken)


def test_killed_after_early_stopping_trains_no_further(run, tmp_path, monkeypatch) -> None:
    flags = ("--trainer.max_epochs", "40", "--trainer.patience", "1", "--optim.lr", "0.01")
    assert run(*flags) == 0

    def kill(*args: object, **kwargs: object) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(training, "_write_history", kill)
        with pytest.raises(Killed):
            run(*flags, out="killed")
    _resume(tmp_path, "killed")
    _same(tmp_path / "killed", tmp_path / "run")


def test_a_resumed_run_must_not_change_what_moves_numbers(unbroken, run, capsys) -> None:
    assert main(["--resume", "--out", str(unbroken), "--seed", "5"]) == 2
    assert "column seed: the run was started with 0, now 5" in capsys.readouterr().err


def test_changed_data_are_noticed(unbroken, capsys, run) -> None:
    environment = json.loads((unbroken / "environment.json").read_text())
    environment["data_hash"] = "other"
    (unbroken / "environment.json").write_text(json.dumps(environment))
    assert main(["--resume", "--out", str(unbroken)]) == 2
    assert "data_hash" in capsys.readouterr().err


def test_nothing_to_resume_is_an_error(run, capsys) -> None:
    assert run("--resume", out="nowhere") == 2
    assert "nothing to resume" in capsys.readouterr().err


def test_resume_needs_a_folder(capsys) -> None:
    assert main(["--resume"]) == 2
    assert "--resume needs --out" in capsys.readouterr().err

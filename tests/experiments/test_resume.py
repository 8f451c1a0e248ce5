"""A run killed at any moment and started again finishes with the same bytes."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pandas as pd
import pytest
import torch
from lightning.pytorch import Callback, Trainer

from experiments import cells, cross_validation, training
from experiments.progress import EpochProgress
from experiments.run import main


class Killed(BaseException):
    """Stands in for a signal: nothing in the program may catch it."""


@pytest.fixture(scope="module")
def unbroken(command, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("unbroken") / "run"
    assert command("--trainer.max_epochs", "4", out=folder) == 0
    return folder


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


READERS = (
    "--data.workers", "1", "--data.resident", "off", "--data.max_patches", "3", "--folds", "2",
    "--only_folds", "0", "--trainer.max_epochs", "3",
)  # fmt: skip


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:This DataLoader will create 1 worker process")
@pytest.mark.parametrize("more", [(), ("--risk_set", "cohort", "--data.sampler", "event_balanced")])
def test_killed_where_processes_read(run, tmp_path, monkeypatch, more) -> None:
    """They are handed the first batches before Lightning says which epoch it is."""

    def kill(self: Callback, trainer, *rest: object) -> None:
        if trainer.current_epoch == 1:
            raise Killed

    assert run(*READERS, *more, "--data.workers", "0", out="whole") == 0
    with monkeypatch.context() as patch:
        patch.setattr(EpochProgress, "on_train_epoch_end", kill)
        with pytest.raises(Killed):
            run(*READERS, *more, out="killed")
    _resume(tmp_path, "killed")
    for name in ("predictions.csv", "metrics.json", "fold0/history.csv"):
        assert (tmp_path / "killed" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()


@pytest.mark.parametrize(
    ("module", "step"),
    [
        (training, "_write_history"),
        (cells, "score_fold"),
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


@pytest.mark.parametrize("nth", [1, 2, 4, 5])
def test_killed_while_a_checkpoint_is_written(run, unbroken, tmp_path, monkeypatch, nth) -> None:
    """Of each epoch, best.ckpt comes before last.ckpt: one may be of a later epoch."""
    saved = []
    save = torch.save

    def kill(content: object, aside: Path) -> None:
        saved.append(aside)
        if len(saved) == nth:
            Path(aside).write_bytes(b"PK half a file")
            raise Killed
        save(content, aside)

    with monkeypatch.context() as patch:
        patch.setattr(torch, "save", kill)
        with pytest.raises(Killed):
            run("--trainer.max_epochs", "4", out="killed")
    _resume(tmp_path, "killed")
    _same(tmp_path / "killed", unbroken)


def test_a_killed_run_may_be_moved(run, tmp_path, monkeypatch) -> None:
    # Losses that rise after the first epochs: forgetting the best one would show.
    flags = ("--trainer.max_epochs", "8", "--optim.lr", "0.02", "--only_folds", "0")
    assert run(*flags) == 0
    history = pd.read_csv(tmp_path / "run" / "fold0" / "history.csv")
    best = int(history["val/loss"].argmin())
    assert best + 2 < len(history)

    def kill(self: Callback, trainer: Trainer, *rest: object) -> None:
        if trainer.current_epoch == best + 2:
            raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(EpochProgress, "on_train_batch_end", kill)
        with pytest.raises(Killed):
            run(*flags, out="killed")
    (tmp_path / "killed").rename(tmp_path / "moved")
    _resume(tmp_path, "moved")
    _same(tmp_path / "moved", tmp_path / "run")


@pytest.mark.parametrize("hook", ["on_train_batch_start", "on_train_batch_end"])
def test_killed_between_two_passes_over_the_cohort(run, tmp_path, monkeypatch, hook) -> None:
    flags = ("--trainer.max_epochs", "4", "--only_folds", "0", "--risk_set", "cohort")
    assert run(*flags) == 0

    def kill(self: Callback, trainer: Trainer, *rest: object) -> None:
        if trainer.current_epoch == 2 and trainer.fit_loop.epoch_loop.batch_idx == 1:
            raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(EpochProgress, hook, kill)
        with pytest.raises(Killed):
            run(*flags, out="killed")
    _resume(tmp_path, "killed")
    _same(tmp_path / "killed", tmp_path / "run")


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


def test_a_resumed_run_must_not_change_what_moves_numbers(unbroken, capsys) -> None:
    assert main(["--resume", "--out", str(unbroken), "--seed", "5"]) == 2
    assert "column seed: the run was started with 0, now 5" in capsys.readouterr().err


def test_changed_data_are_noticed(unbroken, capsys, tmp_path) -> None:
    unbroken = shutil.copytree(unbroken, tmp_path / "run")
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

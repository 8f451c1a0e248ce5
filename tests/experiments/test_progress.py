from __future__ import annotations

import io
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest
from rich.console import Console

from experiments.progress import EpochProgress


def _trainer(epoch: int, loss: float, c_index: float = 0.6) -> Any:
    metrics = {"train/loss": 2.0, "val/loss": loss, "val/c_index": c_index}
    return SimpleNamespace(current_epoch=epoch, max_epochs=9, callback_metrics=metrics)


def _progress(terminal: bool = False) -> EpochProgress:
    console = Console(file=io.StringIO(), force_terminal=terminal, width=200)
    return EpochProgress(console, "fold1 of 5", patience=3)


def _run(progress: EpochProgress, losses: list[float]) -> None:
    for epoch, loss in enumerate(losses):
        progress.on_train_epoch_end(_trainer(epoch, loss, 0.5 + epoch / 10), None)  # type: ignore[arg-type]


def test_without_a_terminal_one_line_is_left_at_the_end() -> None:
    progress = _progress()
    progress.on_fit_start(_trainer(0, 0.0), None)  # type: ignore[arg-type]
    _run(progress, [3.0, 1.5, 2.0])
    assert progress.console.file.getvalue() == ""
    progress.on_fit_end(_trainer(3, 2.0), None)  # type: ignore[arg-type]
    (line,) = progress.console.file.getvalue().splitlines()
    assert line.startswith("fold1 of 5: 3 epochs in 0.")
    assert line.endswith("best epoch 2, val loss 1.500, val C-index 0.600")


def test_a_terminal_shows_every_epoch() -> None:
    progress = _progress(terminal=True)
    progress.on_fit_start(_trainer(0, 0.0), None)  # type: ignore[arg-type]
    _run(progress, [3.0, 1.5, 2.0])
    shown = str(progress.status.status)
    for words in ("epoch 3/9", "train loss 2.000", "val loss 2.000", "val C-index 0.700",
                  "best epoch 2 (stops 3 epochs after it)"):  # fmt: skip
        assert words in shown
    progress.on_fit_end(_trainer(3, 2.0), None)  # type: ignore[arg-type]
    assert progress.status is None


@pytest.mark.parametrize("exception", [KeyboardInterrupt(), RuntimeError()])
def test_an_interrupted_run_frees_the_terminal(exception) -> None:
    progress = _progress(terminal=True)
    progress.on_fit_start(_trainer(0, 0.0), None)  # type: ignore[arg-type]
    live = progress.status
    progress.on_exception(_trainer(0, 0.0), None, exception)  # type: ignore[arg-type]
    assert progress.status is None
    assert not live._live.is_started


def test_the_best_epoch_survives_a_resumed_run() -> None:
    progress, again = _progress(), _progress()
    _run(progress, [3.0, 1.5, 2.0])
    again.load_state_dict(progress.state_dict())
    assert again.best == (1.5, 1, 0.6)
    again.on_train_epoch_end(_trainer(3, 1.7), None)  # type: ignore[arg-type]
    assert again.best[1] == 1


def test_what_is_printed_is_what_the_history_holds(run, capsys, tmp_path) -> None:
    assert run("--trainer.max_epochs", "3", "--modalities", "genes", "--only_folds", "0") == 0
    history = pd.read_csv(tmp_path / "run" / "fold0" / "history.csv")
    (line,) = (t for t in capsys.readouterr().out.splitlines() if t.startswith("fold0 of 2"))
    best = history.iloc[history["val/loss"].argmin()]
    assert f"{len(history)} epochs" in line
    assert f"best epoch {int(best['epoch']) + 1}, val loss {best['val/loss']:.3f}" in line
    assert line.endswith(f"val C-index {best['val/c_index']:.3f}")

"""The curve of a training run, epoch by epoch; survives a resumed run."""

from __future__ import annotations

from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer


class History(Callback):
    """Keeps every scalar that the task and its callbacks logged, one row an epoch.

    The rows travel in the checkpoint, so a resumed run has the whole curve.

    Attributes:
        rows: One dict an epoch, with `epoch` and the logged names.
    """

    def __init__(self) -> None:
        self.rows: list[dict[str, float]] = []

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Adds the epoch's row; validation has already run."""
        row = {"epoch": float(trainer.current_epoch)}
        row |= {name: float(value) for name, value in trainer.callback_metrics.items()}
        # A checkpoint may be written before and read after this hook: never keep an epoch twice.
        self.rows = [r for r in self.rows if r["epoch"] < row["epoch"]]
        self.rows.append(row)

    def state_dict(self) -> dict[str, Any]:
        """Rows, for the checkpoint."""
        return {"rows": self.rows}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Rows, from the checkpoint."""
        self.rows = list(state_dict["rows"])

"""What a person sees while a run trains."""

from __future__ import annotations

import math
import time
from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer
from rich.console import Console
from rich.status import Status


class EpochProgress(Callback):
    """One live line on a terminal; elsewhere one line when the network has finished.

    Args:
        console: Where to print.
        name: What is trained, such as "fold 2/5".
        patience: Epochs that training waits for a lower validation loss.
    """

    def __init__(self, console: Console, name: str, patience: int) -> None:
        self.console = console
        self.name = name
        self.patience = patience
        self.best = (math.inf, 0, math.nan)
        self.started = 0.0
        self.status: Status | None = None

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Opens the live line."""
        self.started = time.monotonic()
        if self.console.is_terminal:
            self.status = self.console.status(f"{self.name}: first epoch")
            self.status.start()

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Shows losses and the C-index of the epoch."""
        values = {name: float(value) for name, value in trainer.callback_metrics.items()}
        loss, c_index = values.get("val/loss", math.nan), values.get("val/c_index", math.nan)
        if loss < self.best[0]:
            self.best = (loss, trainer.current_epoch, c_index)
        if self.status is not None:
            self.status.update(
                f"{self.name}: epoch {trainer.current_epoch + 1}/{trainer.max_epochs}  "
                f"train loss {values.get('train/loss', math.nan):.3f}  val loss {loss:.3f}  "
                f"val C-index {c_index:.3f}  "
                f"best epoch {self.best[1] + 1} (stops {self.patience} epochs after it)"
            )

    def on_fit_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Leaves one line behind."""
        self._close()
        seconds = time.monotonic() - self.started
        self.console.print(
            f"{self.name}: {trainer.current_epoch} epochs in {seconds:.1f} s, best epoch "
            f"{self.best[1] + 1}, val loss {self.best[0]:.3f}, val C-index {self.best[2]:.3f}"
        )

    def on_exception(
        self, trainer: Trainer, pl_module: LightningModule, exception: BaseException
    ) -> None:
        """Frees the terminal."""
        self._close()

    def state_dict(self) -> dict[str, Any]:
        """The best epoch so far, for the checkpoint of a resumed run."""
        return {"best": list(self.best)}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """The best epoch so far, from the checkpoint."""
        loss, epoch, c_index = state_dict["best"]
        self.best = (loss, epoch, c_index)

    def _close(self) -> None:
        if self.status is not None:
            self.status.stop()
            self.status = None

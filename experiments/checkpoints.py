"""Checkpoints that are never half-written and never unpickled."""

from __future__ import annotations

import errno
import os
import shutil
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch.callbacks import ModelCheckpoint
from lightning.pytorch.plugins.io import TorchCheckpointIO

from data_modules.files import write_aside

# A disk with less is full.
ROOM_BYTES = 1_000_000


class AtomicCheckpointIO(TorchCheckpointIO):
    """Writes a checkpoint aside and renames it: a kill leaves the old one or the new one."""

    def save_checkpoint(
        self, checkpoint: dict[str, Any], path: str | Path, storage_options: Any | None = None
    ) -> None:
        """Saves the checkpoint under its name in one step."""
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        with write_aside(Path(path)) as aside:
            try:
                torch.save(checkpoint, aside)
            except RuntimeError as error:
                # torch tells a short write by its position in the file.
                if shutil.disk_usage(Path(path).parent).free < ROOM_BYTES:
                    text = os.strerror(errno.ENOSPC)
                    raise OSError(errno.ENOSPC, text, str(path)) from error
                raise


class MovableCheckpoint(ModelCheckpoint):
    """Lightning's checkpoint callback, which finds its files again where a run folder was moved.

    Lightning compares absolute folders and forgets the best score where they differ; a worse epoch
    would then replace the best one.
    """

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """State of a killed run, its paths led to this run's folder."""
        home = Path(str(self.dirpath))
        moved = {
            name: str(home / Path(state_dict[name]).name) if state_dict[name] else ""
            for name in ("best_model_path", "kth_best_model_path", "last_model_path")
        }
        kept = {str(home / Path(p).name): s for p, s in state_dict["best_k_models"].items()}
        super().load_state_dict(
            state_dict | moved | {"best_k_models": kept, "dirpath": self.dirpath}
        )


def read_checkpoint(path: Path) -> dict[str, Any]:
    """A checkpoint's content; only tensors and primitives are accepted."""
    content: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    return content


def add_to_checkpoint(path: Path, **entries: Any) -> None:
    """Adds what was fitted after training (baseline hazard, cut, transforms) to a checkpoint."""
    AtomicCheckpointIO().save_checkpoint(read_checkpoint(path) | entries, path)

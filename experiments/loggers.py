"""Loggers: one experiment, folds under their own names."""

from __future__ import annotations

import contextlib
import os
from netrc import NetrcParseError, netrc
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol, cast

import pandas as pd
from lightning.pytorch.loggers import CSVLogger, Logger, TensorBoardLogger, WandbLogger
from lightning.pytorch.loggers.logger import DummyLogger

from experiments.config import RunConfig
from experiments.run_folder import flat_config, run_id

if TYPE_CHECKING:
    from wandb import Run

WandbMode = Literal["online", "offline", "disabled", "shared"]


class ExperimentLog(Protocol):
    """What the cross-validation needs of a logger."""

    def fold_logger(self, name: str) -> Logger:
        """A Lightning logger whose metrics stand under `name`, such as fold0."""

    def replay(self, name: str, history: Path) -> None:
        """Logs what another process trained, from its history.csv; see `cell_log`."""

    def finish(self, summary: dict[str, float], figures: dict[str, Path]) -> None:
        """Records the cross-validated numbers and the figures, and closes."""


class CsvLog:
    """Curves as CSV under the run folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def fold_logger(self, name: str) -> Logger:
        """One folder of CSV a fold."""
        return CSVLogger(self.folder, name="csv", version=name)

    def replay(self, name: str, history: Path) -> None:
        """Nothing to do: each process writes files of its own."""

    def finish(self, summary: dict[str, float], figures: dict[str, Path]) -> None:
        """Nothing to add: metrics.json and figures/ already hold everything."""


class TensorboardLog(CsvLog):
    """Curves as TensorBoard event files under the run folder."""

    def fold_logger(self, name: str) -> Logger:
        """One folder of event files a fold."""
        return TensorBoardLogger(self.folder, name="tensorboard", version=name)


class FoldWandbLogger(WandbLogger):
    """Lightning's logger with fold0/val/loss instead of fold0-val/loss."""

    LOGGER_JOIN_CHAR = "/"


class WandbLog:
    """One Weights & Biases run for the whole cross-validation."""

    def __init__(self, config: RunConfig, folder: Path) -> None:
        self.run = _start_wandb(config, folder)

    def fold_logger(self, name: str) -> Logger:
        """Metrics under `name`, against that fold's own epochs."""
        self.run.define_metric(f"{name}/epoch")
        self.run.define_metric(f"{name}/*", step_metric=f"{name}/epoch")
        return FoldWandbLogger(experiment=self.run, prefix=name)

    def replay(self, name: str, history: Path) -> None:
        """The curve of a network, epoch by epoch."""
        self.fold_logger(name)  # defines its axis
        for row in pd.read_csv(history).to_dict("records"):
            self.run.log({f"{name}/{key}": value for key, value in row.items()})

    def finish(self, summary: dict[str, float], figures: dict[str, Path]) -> None:
        """Puts cross-validated numbers into the summary, where a sweep finds them."""
        import wandb

        self.run.summary.update(summary)
        self.run.log({name: wandb.Image(str(path)) for name, path in figures.items()})
        self.run.finish()


class SilentLog(CsvLog):
    """What a process logs whose curves are told by another one."""

    def fold_logger(self, name: str) -> Logger:
        """Says nothing."""
        return DummyLogger()


def cell_log(config: RunConfig, folder: Path) -> ExperimentLog:
    """The logger of a process that does one part of a run: a W&B run has one process alone."""
    return SilentLog(folder) if config.logger == "wandb" else experiment_log(config, folder)


def experiment_log(config: RunConfig, folder: Path) -> ExperimentLog:
    """The logger that `--logger` names."""
    if config.logger == "csv":
        return CsvLog(folder)
    if config.logger == "tensorboard":
        return TensorboardLog(folder)
    return WandbLog(config, folder)


def wandb_mode(config: RunConfig) -> WandbMode:
    """The mode of W&B: as asked, as WANDB_MODE says, or online only where a key is configured.

    With neither, the client would ask for a key at the terminal; a run must never wait for that.
    """
    if config.wandb.mode != "auto":
        return config.wandb.mode
    if os.environ.get("WANDB_MODE"):
        return cast(WandbMode, os.environ["WANDB_MODE"])  # W&B itself refuses what is none
    return "online" if _has_key() else "offline"


def _has_key() -> bool:
    if os.environ.get("WANDB_API_KEY"):
        return True
    with contextlib.suppress(OSError, NetrcParseError):
        hosts = netrc(os.environ.get("NETRC") or None).hosts
        return any("wandb" in host or "coreweave" in host for host in hosts)
    return False


def _start_wandb(config: RunConfig, folder: Path) -> Run:
    import wandb

    arguments: dict[str, Any] = {
        "project": config.wandb.project,
        "entity": config.wandb.entity or None,
        "id": run_id(folder),
        "resume": "allow",
        "name": folder.name,
        "tags": list(config.wandb.tags),
        "notes": config.wandb.notes or None,
        "job_type": "cross-validation",
        "config": flat_config(config),
        # Absolute: the client's own process may have been started in another folder.
        "dir": str(folder.resolve()),
        "reinit": "finish_previous",
    }
    settings = wandb.Settings(silent=True, init_timeout=20)
    mode = wandb_mode(config)
    try:
        return wandb.init(mode=mode, settings=settings, **arguments)
    except wandb.errors.CommError:
        # An unreachable server costs the upload, not the run; `wandb sync` brings it up later.
        return wandb.init(mode="offline", settings=settings, **arguments)

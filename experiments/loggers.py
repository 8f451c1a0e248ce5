"""Loggers: one experiment, folds under their own names, from the trainer or from files."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from lightning.pytorch.loggers import Logger

from experiments.config import RunConfig
from experiments.tracking.aside import Say
from experiments.tracking.curves import CurveLogger, Row, curve, epoch_of
from experiments.tracking.identity import identity
from experiments.tracking.sink import CsvSink, Sink, TensorboardSink


class ExperimentLog(Protocol):
    """What the cross-validation needs of a logger."""

    def fold_logger(self, name: str) -> Logger:
        """A Lightning logger whose metrics stand under `name`, such as fold0 or fold0/member1."""

    def catch_up(self, name: str) -> None:
        """Logs the epochs of a network that another process trained."""

    def fold_done(self, fold: int, names: list[str]) -> None:
        """Logs what a finished fold left in its folder, wherever it was trained."""

    def numbers(self, numbers: Mapping[str, float]) -> None:
        """Logs numbers of the whole run that change while it goes on."""

    def finish(self, summary: Mapping[str, float], figures: Mapping[str, Path]) -> None:
        """Records the cross-validated numbers and the figures, and closes."""

    def abandon(self) -> None:
        """Closes as failed."""


class FolderLog:
    """Logs a run folder to several destinations: live where a fold trains here, else from files.

    Args:
        folder: The run folder.
        sinks: The destinations.
    """

    def __init__(self, folder: Path, sinks: list[Sink]) -> None:
        self.folder = folder
        self.sinks = sinks
        self.seen: dict[str, set[int]] = {}

    def fold_logger(self, name: str) -> Logger:
        """For the trainer; epochs from before a kill are logged first."""
        self.catch_up(name)
        return CurveLogger(self.folder, name, lambda row: self._take(name, row))

    def fold_done(self, fold: int, names: list[str]) -> None:
        """Logs the epochs that were not seen live, and the fold's files."""
        for name in names:
            self.catch_up(name)
        for sink in self.sinks:
            sink.fold_done(fold, names)

    def numbers(self, numbers: Mapping[str, float]) -> None:
        """Hands them on."""
        for sink in self.sinks:
            sink.numbers(numbers)

    def finish(self, summary: Mapping[str, float], figures: Mapping[str, Path]) -> None:
        """Hands them on."""
        for sink in self.sinks:
            sink.finish(summary, figures)

    def abandon(self) -> None:
        """Closes all."""
        for sink in self.sinks:
            sink.abandon()

    def catch_up(self, name: str) -> None:
        """Logs the epochs that were not seen live, from history.csv."""
        missing = [row for row in curve(self.folder / name) if self._is_new(name, row)]
        for sink in self.sinks if missing else ():
            known = sink.known(name)
            for row in missing:
                if epoch_of(row) > known:
                    sink.row(name, row)
        self.seen.setdefault(name, set()).update(map(epoch_of, missing))

    def _take(self, name: str, row: Row) -> None:
        self.seen.setdefault(name, set()).add(epoch_of(row))
        for sink in self.sinks:
            sink.row(name, row)

    def _is_new(self, name: str, row: Row) -> bool:
        return epoch_of(row) not in self.seen.get(name, set())


def cell_log(folder: Path) -> ExperimentLog:
    """Of a process that does one part of a run: the one that holds the run logs from files."""
    return FolderLog(folder, [])


def experiment_log(config: RunConfig, folder: Path, say: Say = print) -> FolderLog:
    """CSV, and beside it what `--logger` names.

    Args:
        config: Of the run.
        folder: The run folder, with its environment.json.
        say: Prints a line.
    """
    sinks: list[Sink] = [CsvSink(folder)]
    # Imported where they are asked for: W&B and MLflow take a second each.
    if config.logger == "tensorboard":
        sinks.append(TensorboardSink(folder))
    elif config.logger == "mlflow":
        from experiments.tracking.mlflow_sink import MlflowSink

        sinks.append(MlflowSink(config, folder, identity(config, folder), say))
    elif config.logger == "wandb":
        sinks += _wandb(config, folder, say)
    return FolderLog(folder, sinks)


def _wandb(config: RunConfig, folder: Path, say: Say) -> list[Sink]:
    from experiments.tracking.wandb_client import wandb_mode
    from experiments.tracking.wandb_folds import WandbFoldsSink
    from experiments.tracking.wandb_sink import WandbSink, in_sweep

    if wandb_mode(config.wandb) == "disabled":
        return []
    kind = WandbSink
    if config.wandb.per_fold_runs:
        if in_sweep():
            say("W&B: a sweep counts every run, so --wandb.per_fold_runs has no effect in it")
        else:
            kind = WandbFoldsSink
    return [kind(config, folder, identity(config, folder), say)]

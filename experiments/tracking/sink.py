"""What a destination of numbers must be able to do, and the two that are plain files."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from lightning.pytorch.loggers import CSVLogger, TensorBoardLogger

from experiments.tracking.curves import Row, epoch_of, finite


class Sink(Protocol):
    """A destination. Networks are named fold0, or fold0/member1 in an ensemble."""

    def known(self, network: str) -> int:
        """The last epoch that the destination has from before a kill; -1 for none."""

    def row(self, network: str, row: Row) -> None:
        """Numbers of an epoch, `epoch` among them."""

    def fold_done(self, fold: int, networks: list[str]) -> None:
        """A fold's files are there."""

    def numbers(self, numbers: Mapping[str, float]) -> None:
        """Numbers of the whole run that change while it goes on."""

    def finish(self, summary: Mapping[str, float], figures: Mapping[str, Path]) -> None:
        """The run folder is complete."""

    def abandon(self) -> None:
        """The run failed."""


class CsvSink:
    """Lightning's CSV files: csv/fold0/metrics.csv with a column a number."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.loggers: dict[str, CSVLogger | TensorBoardLogger] = {}

    def known(self, network: str) -> int:
        """None: the file is begun anew."""
        return -1

    def row(self, network: str, row: Row) -> None:
        """One or two lines an epoch."""
        if network not in self.loggers:
            self.loggers[network] = self._open(network)
        self.loggers[network].log_metrics({**row}, step=epoch_of(row))
        self.loggers[network].save()

    def fold_done(self, fold: int, networks: list[str]) -> None:
        """Closes the files."""
        for network in networks:
            if network in self.loggers:
                self.loggers.pop(network).finalize("success")

    def numbers(self, numbers: Mapping[str, float]) -> None:
        """Nothing: they are computed from files."""

    def finish(self, summary: Mapping[str, float], figures: Mapping[str, Path]) -> None:
        """Nothing to add: metrics.json and figures/ already hold everything."""

    def abandon(self) -> None:
        """Closes what is open."""
        self.fold_done(0, list(self.loggers))

    def _open(self, network: str) -> CSVLogger | TensorBoardLogger:
        # Made of history.csv, or of the checkpoint, where a killed run left one.
        shutil.rmtree(self.folder / "csv" / network, ignore_errors=True)
        return CSVLogger(self.folder, name="csv", version=network)


class TensorboardSink(CsvSink):
    """Lightning's event files: tensorboard/fold0, and tensorboard/summary."""

    def finish(self, summary: Mapping[str, float], figures: Mapping[str, Path]) -> None:
        """The cross-validated numbers."""
        logger = self._open("summary")
        logger.log_metrics({**finite(summary)}, step=0)
        logger.finalize("success")

    def _open(self, network: str) -> CSVLogger | TensorBoardLogger:
        shutil.rmtree(self.folder / "tensorboard" / network, ignore_errors=True)
        return TensorBoardLogger(self.folder, name="tensorboard", version=network)

"""Training curves on their way to the logs: live from Lightning, or from files afterwards."""

from __future__ import annotations

import math
from argparse import Namespace
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd
from lightning.pytorch.loggers import Logger

from experiments.checkpoints import read_checkpoint

Row = dict[str, float]


def curve(home: Path) -> list[Row]:
    """What a network logged so far, one row an epoch, from the files it left.

    Args:
        home: Folder of the network: history.csv where it is trained, last.ckpt where it was killed.
    """
    history, last = home / "history.csv", home / "last.ckpt"
    if history.is_file():
        rows = pd.read_csv(history).to_dict("records")
    elif last.is_file():
        states = read_checkpoint(last)["callbacks"]
        rows = [r for name, s in states.items() if name.startswith("History") for r in s["rows"]]
    else:
        rows = []
    return [{str(name): float(value) for name, value in row.items()} for row in rows]


def epoch_of(row: Mapping[str, float]) -> int:
    """The epoch of a row, counted from 0.

    Example:
        >>> epoch_of({"epoch": 3.0, "val/loss": 0.5})
        3
    """
    return int(row["epoch"])


def finite(numbers: Mapping[str, float]) -> Row:
    """Those numbers that there are.

    Example:
        >>> finite({"cv/c_index": 0.7, "cv/auc_5y": float("nan")})
        {'cv/c_index': 0.7}
    """
    return {name: value for name, value in numbers.items() if math.isfinite(value)}


class CurveLogger(Logger):
    """What Lightning's trainer sees as its logger: hands every row of numbers on.

    Args:
        folder: The run folder.
        network: Name of the network, such as fold0.
        take: Takes a row, `epoch` among its numbers.
    """

    def __init__(self, folder: Path, network: str, take: Callable[[Row], None]) -> None:
        super().__init__()
        self.folder = folder
        self.network = network
        self.take = take

    @property
    def name(self) -> str:
        """Of the network."""
        return self.network

    @property
    def version(self) -> str:
        """There is one."""
        return ""

    @property
    def save_dir(self) -> str:
        """The run folder."""
        return str(self.folder)

    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        """Numbers of an epoch; those of validation and of training come one after the other."""
        self.take({name: float(value) for name, value in metrics.items()})

    def log_hyperparams(
        self, params: dict[str, Any] | Namespace, *args: Any, **kwargs: Any
    ) -> None:
        """Nothing: the whole configuration is logged once a run, not the network's part a fold."""

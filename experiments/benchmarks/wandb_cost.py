"""What does Weights & Biases cost a run? Its start, and its share of the time.

Offline: a server's answers are not waited for either. The share is the time that the training
process computes for the log, its own thread of jobs included, as a part of the whole run; and the
difference between runs with and without it, which a busy machine hides.
"""

from __future__ import annotations

import io
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any
from unittest import mock

import torch
from rich.console import Console

from data_modules.cohort import Cohort, load_cohort
from data_modules.folds import Folds, make_folds, write_folds
from data_modules.manifest import load_manifest
from data_modules.toy import build_toy
from data_modules.toy_truth import ToyConfig
from experiments.benchmarks.clock import median_ratio
from experiments.benchmarks.report import Report, Row
from experiments.cohorts import TOY_ROOT
from experiments.config import LoggerName, RunConfig, TrainerConfig, WandbConfig
from experiments.cross_validation import cross_validate
from experiments.folds_audit import audit, write_audit
from experiments.loggers import ExperimentLog, experiment_log
from experiments.run_folder import write_start

START_GOAL_SECONDS = 3
SHARE_GOAL = 0.02


@dataclass(frozen=True)
class Settings:
    """What is measured.

    Attributes:
        patients: Size of the toy cohort.
        folds: Of the cross-validation.
        epochs: Of every fold.
        repetitions: Of every run.
        threads: Of PyTorch.
    """

    patients: int = 400
    folds: int = 2
    epochs: int = 20
    repetitions: int = 2
    threads: int = 1


class Meter:
    """Adds up the time of calls.

    Attributes:
        wall: Seconds that the callers waited.
    """

    def __init__(self) -> None:
        self.wall = 0.0

    def measured(self, log: ExperimentLog) -> ExperimentLog:
        """The log, every call of which is timed; so is every row that a trainer hands on."""
        for name in ("fold_logger", "fold_done", "numbers", "finish", "_take"):
            setattr(log, name, self._timed(getattr(log, name)))
        return log

    def _timed(self, call: Callable[..., Any]) -> Callable[..., Any]:
        def timed(*given: object) -> Any:
            started = time.perf_counter()
            try:
                return call(*given)
            finally:
                self.wall += time.perf_counter() - started

        return timed


def measure(settings: Settings) -> Report:
    """Runs with W&B and with CSV alone, in turns."""
    torch.set_num_threads(settings.threads)
    config = RunConfig(
        toy=ToyConfig(patients=settings.patients),
        folds=settings.folds,
        trainer=TrainerConfig(max_epochs=settings.epochs, patience=1_000_000),
        wandb=WandbConfig(mode="offline"),
    )
    cohort = load_cohort(load_manifest(build_toy(config.toy, TOY_ROOT)))
    folds = make_folds(cohort, n_folds=config.folds, protocol=config.protocol, seed=config.seed)
    # The first run brings libraries into the file cache and starts threads.
    timed_run(replace(config, logger="csv"), cohort, folds)
    measurements: list[Row] = [
        {"logger": name, "repetition": i, **timed_run(replace(config, logger=name), cohort, folds)}
        for i in range(settings.repetitions)
        for name in _names()
    ]
    seconds = {n: [m["run_s"] for m in measurements if m["logger"] == n] for n in _names()}
    own = [m for m in measurements if m["logger"] == "wandb"]
    without = [m for m in measurements if m["logger"] == "csv"]
    share = statistics.median(
        (a["log_s"] - b["log_s"]) / a["run_s"] for a, b in zip(own, without, strict=True)
    )
    rows: list[Row] = [
        {"what": "start of W&B, first in a process, s", "figure": own[0]["start_s"],
         "bar": f"< {START_GOAL_SECONDS}"},
        {"what": "start of W&B, later ones, s",
         "figure": statistics.median(m["start_s"] for m in own[1:] or own),
         "bar": f"< {START_GOAL_SECONDS}"},
        {"what": "time that the run waits for the log beyond CSV, %", "figure": 100 * share,
         "bar": f"< {SHARE_GOAL:.0%}"},
        {"what": "whole run longer than with CSV alone, %",
         "figure": 100 * (median_ratio(seconds["wandb"], seconds["csv"]) - 1), "bar": ""},
        {"what": "whole run with W&B, s", "figure": statistics.median(seconds["wandb"]), "bar": ""},
    ]  # fmt: skip
    return Report(
        name="wandb_cost",
        title=f"what W&B costs {settings.folds} folds of {settings.epochs} epochs, "
        f"{settings.patients} toy patients",
        rows=rows,
        notes=["waiting includes the last write and everything that is computed for it"],
        settings=asdict(settings),
        measurements=measurements,
    )


def timed_run(config: RunConfig, cohort: Cohort, folds: Folds) -> Row:
    """Seconds of a cross-validation, of the start of its log, and of waiting for its log."""
    meter = Meter()
    with (
        tempfile.TemporaryDirectory() as name,
        mock.patch.dict(os.environ, {"WANDB_MODE": "offline"}),
    ):
        folder = Path(name) / "run"
        write_start(config, folder, data_hash=cohort.data_hash, folds_hash=folds.hash)
        write_folds(folds, folder / "folds.csv")
        write_audit(audit(folds, cohort), folder)
        begun = time.perf_counter()
        log = experiment_log(config, folder, lambda line: None)
        started = time.perf_counter()
        console = Console(file=io.StringIO())
        cross_validate(config, cohort, folds, folder, meter.measured(log), console)
        ended = time.perf_counter()
    return {"start_s": started - begun, "run_s": ended - started, "log_s": meter.wall}


def _names() -> tuple[LoggerName, ...]:
    return ("csv", "wandb")

"""What does Weights & Biases cost a run? Its start, and its share of the time.

Offline: a server's answers are not waited for either. The share is what is computed for the log, in
the threads of its jobs and in the client's own process too, beyond what CSV costs, as a part of all
that is computed. Times on the wall stand beside it: a busy machine stretches them.
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
from data_modules.folds import Folds, make_folds
from data_modules.manifest import load_manifest
from data_modules.toy import build_toy
from data_modules.toy_truth import ToyConfig
from experiments.benchmarks.clock import median_ratio, now
from experiments.benchmarks.report import Report, Row
from experiments.cohorts import TOY_ROOT
from experiments.config import LoggerName, RunConfig
from experiments.config_parts import TrainerConfig, WandbConfig
from experiments.context import start_run
from experiments.cross_validation import cross_validate
from experiments.loggers import FolderLog, experiment_log
from experiments.tracking.wandb_client import LAST_SECONDS, stop

START_GOAL_SECONDS = 3
SHARE_GOAL = 0.02
# What the process computed, and time on the wall.
CLOCKS = ("_cpu", "")


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
        cpu: Seconds that they computed meanwhile.
    """

    def __init__(self) -> None:
        self.wall = self.cpu = 0.0

    def measured(self, log: FolderLog) -> FolderLog:
        """The log, every call of which is timed; so is every row that a trainer hands on."""
        for name in ("fold_logger", "catch_up", "fold_done", "numbers", "finish", "_take"):
            setattr(log, name, self._timed(getattr(log, name)))
        return log

    def _timed(self, call: Callable[..., Any]) -> Callable[..., Any]:
        def timed(*given: object) -> Any:
            wall, cpu = time.perf_counter(), time.thread_time()
            try:
                return call(*given)
            finally:
                self.wall += time.perf_counter() - wall
                self.cpu += time.thread_time() - cpu

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
    own = [m for m in measurements if m["logger"] == "wandb"]
    without = [m for m in measurements if m["logger"] == "csv"]
    shares = [
        100
        * statistics.median(
            (a[f"log{clock}_s"] - b[f"log{clock}_s"]) / a[f"run{clock}_s"]
            for a, b in zip(own, without, strict=True)
        )
        for clock in CLOCKS
    ]
    later = own[1:] or own

    def middle(name: str) -> list[float]:
        return [statistics.median(m[f"{name}{clock}_s"] for m in later) for clock in CLOCKS]

    longer = [
        100 * (median_ratio([m[f"run{c}_s"] for m in own], [m[f"run{c}_s"] for m in without]) - 1)
        for c in CLOCKS
    ]
    first = [own[0][f"start{c}_s"] for c in CLOCKS]
    rows = [
        _row("start of W&B, first in a process", first, START_GOAL_SECONDS, "s"),
        _row("start of W&B, later ones", middle("start"), START_GOAL_SECONDS, "s"),
        _row("share of the log in the run beyond CSV, %", shares, 100 * SHARE_GOAL, "%"),
        _row("whole run longer than with CSV alone, %", longer),
        _row("whole run, s", middle("run")),
    ]
    return Report(
        name="wandb_cost",
        title=f"what W&B costs {settings.folds} folds of {settings.epochs} epochs, "
        f"{settings.patients} toy patients",
        rows=rows,
        notes=[
            "cpu counts what this process and the client's own computed: other programs hardly "
            "change it",
            "a start holds its bar on the wall, where it is waited for; a share holds it in cpu",
            "the first start includes importing the client",
            "whole runs have no bar: one and the same differs by more from one time to the next",
        ],
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
        console = Console(file=io.StringIO())
        context = start_run(config, folder, cohort, folds, console)
        begun = now()
        log = experiment_log(config, folder, lambda line: None)
        started = now()
        cross_validate(context, meter.measured(log), console)
        ended = now()
        client = client_cpu() if config.logger == "wandb" else 0.0
    start, run = begun.until(started), started.until(ended)
    lines = [getattr(sink, name, None) for sink in log.sinks for name in ("aside", "uploads")]
    log_cpu = meter.cpu + sum(line.busy for line in lines if line) + client
    return {"start_s": start.wall, "start_cpu_s": start.cpu, "run_s": run.wall,
            "run_cpu_s": run.cpu + client, "log_s": meter.wall, "log_cpu_s": log_cpu,
            "client_cpu_s": client}  # fmt: skip


def client_cpu() -> float:
    """Seconds that the client's own process computed; it is ended, for only then it can be told."""
    before = os.times()
    stop(LAST_SECONDS)
    after = os.times()
    user = after.children_user - before.children_user
    return user + after.children_system - before.children_system


def _row(what: str, figures: list[float], bar: float | None = None, unit: str = "") -> Row:
    cpu, wall = figures
    row: Row = {"what": what, "cpu": cpu, "wall": wall, "bar": "", "holds": ""}
    if bar is not None:
        measured = wall if unit == "s" else cpu
        row |= {"bar": f"< {bar:g} {unit}", "holds": "yes" if measured < bar else "no"}
    return row


def _names() -> tuple[LoggerName, ...]:
    return ("csv", "wandb")

from __future__ import annotations

import time

import pytest
import wandb

from experiments.benchmarks import wandb_cost
from experiments.loggers import FolderLog
from experiments.tracking.wandb_client import stop


def test_the_bar_stands_beside_every_cost(monkeypatch) -> None:
    def run(config, cohort, folds) -> dict[str, float]:
        with_wandb = config.logger == "wandb"
        row = {"start": 1.0 * with_wandb, "run": 100.0 + with_wandb, "log": 1.01 * with_wandb}
        return {f"{k}{clock}_s": v for k, v in row.items() for clock in ("_cpu", "")}

    monkeypatch.setattr(wandb_cost, "timed_run", run)
    monkeypatch.setattr(wandb_cost, "build_toy", lambda *args: None)
    monkeypatch.setattr(wandb_cost, "load_manifest", lambda *args: None)
    monkeypatch.setattr(wandb_cost, "load_cohort", lambda *args: None)
    monkeypatch.setattr(wandb_cost, "make_folds", lambda *args, **kwargs: None)
    report = wandb_cost.measure(wandb_cost.Settings(repetitions=2))
    rows = {row["what"]: row for row in report.rows}
    found = {what: (row["bar"], row["holds"]) for what, row in rows.items()}
    assert found == {
        "start of W&B, first in a process": ("< 3 s", "yes"),
        "start of W&B, later ones": ("< 3 s", "yes"),
        "share of the log in the run beyond CSV, %": ("< 2 %", "yes"),
        "whole run longer than with CSV alone, %": ("", ""),
        "whole run, s": ("", ""),
    }
    assert rows["share of the log in the run beyond CSV, %"]["cpu"] == pytest.approx(1)
    assert rows["whole run longer than with CSV alone, %"]["cpu"] == pytest.approx(1)


def test_what_is_over_the_bar_does_not_hold_it() -> None:
    assert wandb_cost._row("start", [1.0, 3.1], 3, "s")["holds"] == "no"
    assert wandb_cost._row("share", [2.1, 1.0], 2, "%")["holds"] == "no"


def test_the_clients_own_process_counts(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("WANDB_MODE", "offline")
    stop(0.1)
    run = wandb.init(project="p", dir=str(tmp_path))
    for step in range(200):
        run.log({"a": step})
    run.finish()
    assert wandb_cost.client_cpu() > 0


def test_the_meter_adds_up_what_callers_wait(tmp_path) -> None:
    log = FolderLog(tmp_path, [])
    monkey = log._take

    def slow(name, row) -> None:
        time.sleep(0.05)
        monkey(name, row)

    log._take = slow  # type: ignore[method-assign]
    meter = wandb_cost.Meter()
    logger = meter.measured(log).fold_logger("fold0")
    logger.log_metrics({"epoch": 0.0}, step=0)
    logger.log_metrics({"epoch": 1.0}, step=1)
    assert 0.1 <= meter.wall < 1
    assert log.seen["fold0"] == {0, 1}

from __future__ import annotations

import time

import pytest

from experiments.benchmarks import wandb_cost
from experiments.loggers import FolderLog


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
    rows = {row["what"]: (row["cpu"], row["bar"]) for row in report.rows}
    assert rows["start of W&B, first in a process"] == (1.0, "< 3 s")
    assert rows["share of the log in the run beyond CSV, %"] == (pytest.approx(1), "< 2%")
    assert rows["whole run longer than with CSV alone, %"][0] == pytest.approx(1)


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

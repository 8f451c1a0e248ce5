from __future__ import annotations

import pytest

from data_modules.folds import make_folds
from experiments import training
from experiments.benchmarks.epoch import Settings, measure, timed_fit
from experiments.config import RunConfig
from experiments.config_parts import ModelConfig, TrainerConfig


def test_the_bare_loop_does_the_same_work(cohort, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    rows: list[dict[str, float]] = []

    def history(path, checkpoint) -> None:
        states = checkpoint["callbacks"]
        rows.extend(next(states[name]["rows"] for name in states if name.startswith("History")))

    monkeypatch.setattr(training, "_write_history", history)
    config = RunConfig(
        logger="csv",
        model=ModelConfig(width=8, heads=2),
        trainer=TrainerConfig(max_epochs=3, patience=99),
    )
    folds = make_folds(cohort, n_folds=3, protocol="nested", seed=0)
    watch = timed_fit(config, cohort, folds)
    assert watch.loop.val_losses == pytest.approx([row["val/loss"] for row in rows], rel=1e-5)
    assert len(watch.bare) == len(watch.real) == len(rows) == 3
    assert min(duration.wall for duration in (*watch.bare, *watch.real)) > 0


def test_tiny_settings(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    report = measure(Settings(patients=40, epochs=1, loggers=("csv",)))
    assert [row["logger"] for row in report.rows] == ["csv"]
    assert len(report.measurements) == 1
    assert report.rows[0]["bare_ms"] > 0

from __future__ import annotations

import pytest

from experiments.loggers import experiment_log
from experiments.tracking.curves import curve


def test_a_run_a_fold_and_a_summary_in_one_group(
    folder, config_of, replay, reader, flat, offline
) -> None:
    config = config_of(folder, "--logger", "wandb", "--wandb.per_fold_runs")
    replay(experiment_log(config, folder), folder)
    runs = {logged.id: logged for logged in reader(folder)}
    assert {logged.group for logged in runs.values()} == {folder.name}
    assert {logged.exit_code for logged in runs.values()} == {0}
    jobs = sorted(logged.job_type for logged in runs.values())
    assert jobs == ["fold", "fold", "summary"]
    (summary,) = [logged for logged in runs.values() if logged.job_type == "summary"]
    numbers = flat(folder)
    assert summary.summary["cv/c_index"] == pytest.approx(numbers["cv/c_index"])
    for fold in (0, 1):
        own = runs[f"{summary.id}-fold{fold}"]
        assert [row["val/loss"] for row in own.history if "val/loss" in row] == [
            row["val/loss"] for row in curve(folder / f"fold{fold}")
        ]
        assert own.axes["*"] == "epoch"
        wanted = numbers[f"fold{fold}/test/c_index"]
        assert own.summary["test/c_index"] == pytest.approx(wanted)


def test_a_sweep_counts_every_run_so_it_gets_one(
    folder, config_of, replay, reader, offline, monkeypatch
) -> None:
    monkeypatch.setenv("WANDB_SWEEP_ID", "s")
    told: list[str] = []
    config = config_of(folder, "--logger", "wandb", "--wandb.per_fold_runs")
    replay(experiment_log(config, folder, told.append), folder)
    (logged,) = reader(folder)
    assert "fold1/test/c_index" in logged.summary
    assert "per_fold_runs" in told[0]

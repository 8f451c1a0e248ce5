from __future__ import annotations

import json
import math
import time

import pytest
from mlflow import MlflowClient

from experiments.loggers import experiment_log
from experiments.tracking import mlflow_sink
from experiments.tracking.curves import curve


def test_the_store_holds_every_number_under_the_same_names(
    folder, config_of, replay, flat, monkeypatch
) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    config = config_of(folder, "--logger", "mlflow")
    told: list[str] = []
    for _ in range(2):  # resumed: the same run
        replay(experiment_log(config, folder, told.append), folder)
    assert not told
    client = MlflowClient((folder / "mlruns").as_uri())
    (experiment,) = [e for e in client.search_experiments() if e.name == "mmsurv"]
    (run,) = client.search_runs([experiment.experiment_id])
    assert run.info.status == "FINISHED"
    wanted = flat(folder)
    found = {k: v for k, v in run.data.metrics.items() if not k.startswith("fold") or "/test/" in k}
    assert found == pytest.approx(wanted, nan_ok=True)
    points = {p.step: p.value for p in client.get_metric_history(run.info.run_id, "fold1/val/loss")}
    assert points == {int(r["epoch"]): r["val/loss"] for r in curve(folder / "fold1")}
    data_hash = json.loads((folder / "environment.json").read_text())["data_hash"]
    assert run.data.tags["data_hash"] == data_hash
    assert run.data.params["model.width"] == "16"
    files = {file.path for file in client.list_artifacts(run.info.run_id)}
    assert {"predictions.csv", "metrics.json", "fold0", "figures"} <= files
    assert not math.isnan(found["cv/c_index"])


def test_a_server_that_is_not_there_costs_nothing(folder, config_of, replay, monkeypatch) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    monkeypatch.setattr(mlflow_sink, "LAST_SECONDS", 3)
    told: list[str] = []
    config = config_of(folder, "--logger", "mlflow", "--mlflow.uri", "http://127.0.0.1:9")
    started = time.monotonic()
    replay(experiment_log(config, folder, told.append), folder)
    assert time.monotonic() - started < 6
    assert len(told) == 1
    assert "the run goes on" in told[0]
    assert (folder / "csv" / "fold0" / "metrics.csv").is_file()

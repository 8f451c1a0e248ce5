from __future__ import annotations

import dataclasses
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from data_modules.problems import BadInput
from experiments.config import RunConfig
from experiments.config_parts import TrainerConfig
from experiments.devices import check_devices, in_company, on_gpu
from experiments.run import main

CPU = ("--only_folds", "1", "--trainer.accelerator", "cpu")


def _config(devices: int, accelerator: str = "auto") -> RunConfig:
    trainer = TrainerConfig(devices=devices, accelerator=accelerator)  # type: ignore[arg-type]
    return dataclasses.replace(RunConfig(), trainer=trainer)


def test_more_gpus_than_there_are_is_refused(monkeypatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    for accelerator in ("gpu", "auto"):
        check_devices(_config(2, accelerator))
        with pytest.raises(BadInput, match="4 GPUs are asked for and 2 are there"):
            check_devices(_config(4, accelerator))
    check_devices(_config(4, "cpu"))


def test_without_a_gpu_auto_is_the_cpu(run, tmp_path, monkeypatch, capsys) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    check_devices(_config(4))
    assert not on_gpu(_config(4))
    assert run("--trainer.devices", "2", "--trainer.accelerator", "gpu") == 2
    assert "2 GPUs are asked for and 0 are there" in capsys.readouterr().err
    assert not list(tmp_path.rglob("*.yaml"))


def test_one_gpu_where_there_is_none_is_refused_before_anything_is_written(
    run, tmp_path, monkeypatch, capsys
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    assert run("--trainer.accelerator", "gpu") == 2
    told = capsys.readouterr().err
    assert "--trainer.accelerator=gpu: PyTorch finds no GPU" in told
    assert "--trainer.accelerator auto or cpu" in told
    assert not (tmp_path / "run").exists()
    # The machines of a cluster may have what this one lacks.
    check_devices(dataclasses.replace(_config(1, "gpu"), cluster="slurm"))
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    check_devices(_config(1, "gpu"))


def test_float16_without_a_gpu_is_refused(monkeypatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    trainer = TrainerConfig(accelerator="auto", precision="16-mixed")
    config = dataclasses.replace(RunConfig(), trainer=trainer)
    with pytest.raises(BadInput, match=r"--trainer.precision=16-mixed: PyTorch finds no GPU"):
        check_devices(config)
    check_devices(dataclasses.replace(config, cluster="slurm"))
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    check_devices(config)


@pytest.mark.slow
def test_processes_in_company_reach_each_other(errands, forking) -> None:
    with forking():
        assert in_company(errands.who, "it", devices=3) == ("it", (0, 3), 1 + 2 + 3, "gloo")


@pytest.mark.slow
def test_who_fails_ends_all_and_says_why(errands, forking) -> None:
    with forking(), pytest.raises(BadInput, match="is out of memory"):
        in_company(errands.second_fails, "raises", devices=2)


@pytest.mark.slow
def test_who_dies_ends_all(errands, forking) -> None:
    # Or the first, which was waiting, is heard before the death of the second.
    with forking(), pytest.raises(RuntimeError, match=r"ended by SIGKILL|[Cc]onnection"):
        in_company(errands.second_fails, "dies", devices=2)


@pytest.mark.slow
def test_two_devices_give_the_curves_and_predictions_of_one(run, tmp_path, capfd) -> None:
    flags = (*CPU, "--model.dropout", "0", "--data.sampler", "event_balanced")
    for devices in (1, 2):
        assert run(*flags, "--trainer.devices", str(devices), out=f"on{devices}") == 0
    # Told once, and by no process but this.
    assert capfd.readouterr().out.count("fold1 of 2: 2 epochs") == 2
    assert pd.read_csv(tmp_path / "on2" / "csv" / "fold1" / "metrics.csv").shape[0] == 2
    for name in ("fold1/history.csv", "predictions.csv"):
        one, two = (pd.read_csv(tmp_path / f"on{devices}" / name) for devices in (1, 2))
        assert list(two) == list(one)
        for column in one:
            if pd.api.types.is_float_dtype(one[column]):
                np.testing.assert_allclose(two[column], one[column], rtol=1e-5, atol=1e-6)
            else:
                assert two[column].equals(one[column])


@pytest.mark.slow
def test_a_killed_run_of_two_devices_ends_with_the_same_bytes(run, tmp_path, forking) -> None:
    flags = (*CPU, "--trainer.devices", "2", "--model.dropout", "0.3")
    for epochs in (1, 3):
        with forking():
            assert run(*flags, "--trainer.max_epochs", str(epochs), out=f"for{epochs}") == 0
    killed, unbroken = tmp_path / "killed", tmp_path / "for3"
    shutil.copytree(unbroken, killed)
    shutil.rmtree(killed / "fold1")
    (killed / "predictions.csv").unlink()
    (killed / "fold1").mkdir()
    for name in ("last.ckpt", "best.ckpt"):
        shutil.copy(tmp_path / "for1" / "fold1" / name, killed / "fold1" / name)
    with forking():
        assert main(["--resume", "--out", str(killed), "--logger", "csv"]) == 0
    for name in ("predictions.csv", "metrics.json", "fold1/history.csv"):
        assert Path(killed / name).read_bytes() == Path(unbroken / name).read_bytes(), name

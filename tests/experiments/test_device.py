from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from experiments import device
from experiments.config import RunConfig
from experiments.config_parts import ModelConfig, TrainerConfig
from experiments.device import free_bytes, run_attention, run_device

CPU = torch.device("cpu")


def test_the_cpu_is_taken_where_it_is_asked_for_or_there_is_nothing_else(monkeypatch) -> None:
    gpu = replace(RunConfig(), trainer=TrainerConfig(accelerator="auto"))
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert run_device(RunConfig()) == run_device(gpu) == CPU
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert run_device(RunConfig()) == CPU
    monkeypatch.setattr(device, "place_number", lambda: 3)
    assert run_device(gpu) == torch.device("cuda", 1)


def test_a_run_names_the_kernel_of_its_attention(monkeypatch) -> None:
    assert run_attention(RunConfig()) == "per_bag on cpu"
    monkeypatch.setattr(device, "run_device", lambda config: torch.device("cuda", 0))
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: (9, 0))
    names = {
        precision: run_attention(replace(RunConfig(), trainer=TrainerConfig(precision=precision)))
        for precision in device.DTYPES
    }
    assert names == {
        "32-true": "per_bag on cuda",
        "bf16-mixed": "varlen on cuda",
        "16-mixed": "varlen on cuda",
    }
    # Each kernel is what the layers choose for heads of that width.
    wide = replace(RunConfig(), trainer=TrainerConfig(precision="bf16-mixed"))
    wide = replace(wide, model=ModelConfig(width=1024, heads=2))
    assert run_attention(wide) == "per_bag on cuda"


def test_what_the_machines_of_a_cluster_compute_with_is_not_known_here() -> None:
    anywhere = TrainerConfig(accelerator="auto")
    assert run_attention(RunConfig(cluster="slurm", trainer=anywhere)) == device.UNKNOWN
    assert run_attention(RunConfig(cluster="slurm")) == "per_bag on cpu"
    assert run_attention(RunConfig(cluster="local", trainer=anywhere)) != device.UNKNOWN


@pytest.mark.parametrize(
    ("available", "limit", "used", "free"),
    [
        (8192, None, None, 8192),
        (8192, "max", "1000", 8192),
        (8192, "5000", "1000", 4000),
        (2048, "5000", "1000", 2048),
        (8192, "1000", "3000", 0),
        (None, "5000", "1000", 4000),
        (None, None, None, None),
    ],
)
def test_what_is_free_is_the_least_that_system_and_job_leave(
    tmp_path, monkeypatch, available, limit, used, free
) -> None:
    if available is not None:
        text = f"MemTotal: 9 kB\nMemAvailable:   {available // 1024} kB\n"
        (tmp_path / "meminfo").write_text(text)
    for name, content in (("max", limit), ("current", used)):
        if content is not None:
            (tmp_path / name).write_text(f"{content}\n")
    monkeypatch.setattr(device, "MEMINFO", tmp_path / "meminfo")
    monkeypatch.setattr(device, "GROUPS", ((tmp_path / "max", tmp_path / "current"),))
    assert free_bytes(CPU) == free


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_a_gpu_says_what_is_free() -> None:
    assert 0 < free_bytes(torch.device("cuda", 0)) < 2**50

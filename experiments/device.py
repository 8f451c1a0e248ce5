"""The device that a run trains on, and how much memory is free there."""

from __future__ import annotations

from pathlib import Path

import torch

from experiments.config import RunConfig
from experiments.fan_out import place_number
from mmsurv.models.packed_attention import attention_kernel

DTYPES = {"32-true": torch.float32, "bf16-mixed": torch.bfloat16, "16-mixed": torch.float16}

# Of attention, where other machines compute.
UNKNOWN = "as each worker has it"

MEMINFO = Path("/proc/meminfo")
# Limit and use of the container or job: control groups of version 2, then of version 1.
GROUPS = (
    (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory.current")),
    (
        Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"),
        Path("/sys/fs/cgroup/memory/memory.usage_in_bytes"),
    ),
)


def run_device(config: RunConfig) -> torch.device:
    """Where this process trains; processes that share a machine take its GPUs in turn."""
    if config.trainer.accelerator == "cpu" or not torch.cuda.is_available():
        return torch.device("cpu")
    return torch.device("cuda", place_number() % torch.cuda.device_count())


def run_attention(config: RunConfig) -> str:
    """How a run computes attention over bags, and where: it decides the last digits.

    The machines of a cluster may have GPUs that this one lacks, and each looks for itself.
    """
    if not config.here and config.trainer.accelerator != "cpu":
        return UNKNOWN
    device = run_device(config)
    kernel = attention_kernel(
        device.type,
        DTYPES[config.trainer.precision],
        head_width=config.model.width // config.model.heads,
        capability=torch.cuda.get_device_capability(device) if device.type == "cuda" else (0, 0),
    )
    return f"{kernel} on {device.type}"


def free_bytes(device: torch.device) -> int | None:
    """Memory that may still be taken on a device; None where the system does not say.

    On a CPU it is what the system holds available, or less where a container or job is limited.
    """
    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0])
    found = [n for n in (_available(), *(_left(*files) for files in GROUPS)) if n is not None]
    return min(found, default=None)


def _available() -> int | None:
    try:
        lines = MEMINFO.read_text(encoding="ascii").splitlines()
        (line,) = (line for line in lines if line.startswith("MemAvailable:"))
        return int(line.split()[1]) * 1024
    except (OSError, ValueError):
        return None


def _left(limit: Path, used: Path) -> int | None:
    """Of a control group; None where it has no limit ("max")."""
    try:
        return max(int(limit.read_text()) - int(used.read_text()), 0)
    except (OSError, ValueError):
        return None

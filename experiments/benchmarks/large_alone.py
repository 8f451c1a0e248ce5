"""What is measured in a process of its own, so that only its own memory counts."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import torch

import experiments
from experiments.benchmarks.clock import seconds_of
from experiments.benchmarks.made_bags import MadeBags
from experiments.benchmarks.memory import Peak

ROOT = Path(experiments.__file__).resolve().parents[1]
CHILD = "from experiments.benchmarks.large_alone import child; child()"
# Rows of the mapped file; bags are cut from it at many places.
MAPPED_ROWS = 200_000
MAPPED_BLOCK = 20_000


def alone(what: str, settings: dict[str, Any], **more: Any) -> dict[str, float]:
    """Bytes and seconds of one of `MEASURES`, in a fresh process.

    Raises:
        RuntimeError: The process failed.
    """
    paths = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    done = subprocess.run(
        [sys.executable, "-c", CHILD, what, json.dumps(settings | more)],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(paths)},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"{what} ended with {done.returncode}:\n{done.stderr}")
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def child() -> None:
    """What the fresh process does: one measure, and a print."""
    settings = json.loads(sys.argv[2])
    torch.set_num_threads(settings["threads"])
    print(json.dumps(MEASURES[sys.argv[1]](settings)))


def peer_memory(settings: dict[str, Any]) -> dict[str, float]:
    """Growth in an epoch, one patient at a time."""
    from experiments.benchmarks.ways import peer_epoch

    bags = MadeBags(settings["memory_bags"], tuple(settings["patches"]), settings["width"])
    with Peak() as peak:
        peer_epoch(bags, settings["batch"])
    return {"grown": peak.grown}


def our_memory(settings: dict[str, Any]) -> dict[str, float]:
    """Growth in an epoch of the trainer."""
    from experiments.benchmarks.ways import our_epoch

    bags = MadeBags(settings["memory_bags"], tuple(settings["patches"]), settings["width"])
    with Peak() as peak:
        our_epoch(bags, settings["batch"])
    return {"grown": peak.grown}


def long_bag(settings: dict[str, Any]) -> dict[str, float]:
    """Growth with the bag itself, in two steps on one long bag with latent pooling."""
    from experiments.benchmarks.ways import our_epoch

    with Peak() as peak:
        bags = MadeBags(2, (settings["long"], settings["long"]), settings["width"])
        our_epoch(bags, 1, pooling="latent")
    return {"grown": peak.grown}


def many_bags(settings: dict[str, Any]) -> dict[str, float]:
    """Growth and time of an epoch over bags in one mapped file."""
    from experiments.benchmarks.ways import our_epoch

    count = settings["many_patches"]
    rows = max(MAPPED_ROWS, 2 * count) if count >= 1000 else 4 * count
    with tempfile.TemporaryDirectory() as folder:
        mapped = _mapped(Path(folder) / "features.npy", rows, settings["width"])
        bags = MadeBags(settings["patients"], (count, count), settings["width"], table=mapped)
        our_epoch(MadeBags(24, (count, count), settings["width"]), 12, pooling="latent")
        with Peak() as peak:
            seconds = seconds_of(lambda: our_epoch(bags, settings["batch"], pooling="latent"))
    return {"grown": peak.grown, "seconds": seconds}


def _mapped(path: Path, rows: int, width: int) -> torch.Tensor:
    file = np.lib.format.open_memmap(path, "w+", np.float16, (rows, width))
    random = np.random.default_rng(0)
    for start in range(0, rows, MAPPED_BLOCK):
        block = file[start : start + MAPPED_BLOCK]
        block[:] = random.standard_normal(block.shape, dtype=np.float32)
    file.flush()
    return torch.from_numpy(np.load(path, mmap_mode="c"))


MEASURES = {m.__name__: m for m in (peer_memory, our_memory, long_bag, many_bags)}

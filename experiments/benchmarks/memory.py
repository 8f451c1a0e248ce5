"""What does an epoch keep in memory? Streaming bags from disk against `--data.cache`.

Each in a fresh process, as growth of the resident set over the moment before the first epoch,
relative to the size of the features on disk.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import threading
from dataclasses import asdict, dataclass
from itertools import chain
from pathlib import Path

import torch

from data_modules.cohort import load_cohort
from data_modules.datamodule import SurvivalDataModule
from data_modules.folds import make_folds
from data_modules.manifest import load_manifest
from data_modules.toy import build_toy
from data_modules.toy_truth import ToyConfig
from experiments.benchmarks.fresh import in_fresh_process
from experiments.benchmarks.report import Report, Row
from mmsurv.models import SurvivalNet

WAYS = ("streaming", "cache")
MIB = 1024**2


@dataclass(frozen=True)
class Settings:
    """What is measured.

    Attributes:
        patients: Sizes of the generated cohorts.
        patches: A slide.
    """

    patients: tuple[int, ...] = (40, 160)
    patches: int = 4000


def measure(settings: Settings) -> Report:
    """Generates the cohorts in a temporary folder and reads each in one process a way."""
    rows = []
    with tempfile.TemporaryDirectory() as name:
        for patients in settings.patients:
            toy = ToyConfig(
                patients=patients, patches_min=settings.patches, patches_max=settings.patches
            )
            manifest = build_toy(toy, Path(name))
            files = (manifest.parent / "features" / "maxvit").glob("*.h5")
            disk = sum(file.stat().st_size for file in files)
            rows += [_row(patients, way, _grown(manifest, way), disk) for way in WAYS]
    return Report(
        name="memory",
        title=f"growth of memory in one epoch, {settings.patches} patches a slide",
        rows=rows,
        notes=["ratio: growth over the size of the features on disk"],
        settings=asdict(settings),
    )


def _row(patients: int, way: str, grown: int, disk: int) -> Row:
    return {
        "patients": patients,
        "way": way,
        "features_mib": disk / MIB,
        "grown_mib": grown / MIB,
        "ratio": grown / disk,
    }


def _grown(manifest: Path, way: str) -> int:
    """Bytes, measured in a fresh process.

    Raises:
        RuntimeError: The process failed.
    """
    return int(in_fresh_process(child, str(manifest), way)["grown"])


def child() -> None:
    """What the fresh process does: one training epoch, a pass over the other roles, and a print.

    A narrow network with mean pooling, so that bags and not activations are what grows.
    """
    manifest, way = Path(sys.argv[1]), sys.argv[2]
    torch.set_num_threads(1)
    cohort = load_cohort(load_manifest(manifest))
    folds = make_folds(cohort, n_folds=5, protocol="nested", seed=0)
    data = SurvivalDataModule(cohort, folds, fold=0, cache=way == "cache")
    data.setup()
    net = SurvivalNet(data.sizes, fusion="concat", pooling="mean", width=8, heads=1)
    with Peak() as peak:
        for batch in data.train_dataloader():
            net(batch).sum().backward()
        with torch.inference_mode():
            for batch in chain(data.val_dataloader(), data.test_dataloader()):
                net(batch)
    print(json.dumps({"grown": peak.grown}))


class Peak:
    """Growth of the resident set within a `with` block, sampled every few milliseconds.

    The system's own high-water mark would not do: loading the cohort checks every feature, and that
    mark cannot be set back.

    Attributes:
        grown: Bytes by which the largest sample exceeds the one at entry.
        highest: The largest sample, in bytes.
    """

    def __init__(self) -> None:
        self.grown = self.highest = 0
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Peak:
        self._start = resident_bytes()
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._done.set()
        self._thread.join()
        self._sample()

    def _watch(self) -> None:
        while not self._done.wait(0.002):
            self._sample()

    def _sample(self) -> None:
        self.highest = max(self.highest, resident_bytes())
        self.grown = max(self.grown, self.highest - self._start)


def resident_bytes() -> int:
    """Memory of this process that is in RAM now; Linux only.

    Raises:
        OSError: The system has no /proc.
    """
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")

"""Whole runs of the command: folds side by side, the paper's protocol, and its table."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import yaml

from data_modules.features import write_bag
from data_modules.toy import build_toy
from data_modules.toy_truth import ToyConfig
from experiments.benchmarks.clock import seconds_of
from experiments.benchmarks.fresh import ROOT, finding_us
from experiments.benchmarks.report import Row, bar_row


def jobs_row(patients: int, repeats: int = 1) -> Row:
    """Five folds, drawn so often, one after the other in one process, over the same in two.

    Two processes do five folds of one length in the time of three: 1.67 at most, and more where
    lengths differ. Drawn twice, ten folds can reach 2.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        manifest = build_toy(ToyConfig(patients=patients), folder)
        times = [
            _seconds(
                ["--cohort", str(manifest), "--repeats", str(repeats), "--jobs", str(jobs),
                 "--out", str(folder / f"{jobs}")]
            )
            for jobs in (1, 2)
        ]  # fmt: skip
    folds = "five folds" if repeats == 1 else f"five folds, {repeats} draws"
    ratio = times[0] / times[1]
    return bar_row(f"{folds}, toy cohort of {patients}, --jobs 2", ratio, "x --jobs 1", 1.6)


def protocol_row(patients: int, patches: int, width: int, epochs: int, *, gpu: bool = False) -> Row:
    """Minutes of the paper's cross-validation: latent in two processes, or all patches on a GPU."""
    pooling, bar = ("self_attention", 1) if gpu else ("latent", 15)
    how = ["--trainer.accelerator", "gpu", "--trainer.precision", "bf16-mixed"]
    with tempfile.TemporaryDirectory() as name:
        manifest = wide_cohort(Path(name), patients, patches, width)
        config = ROOT / "experiments" / "configs" / "paper.yaml"
        seconds = _seconds(
            ["--config", str(config), "--cohort", str(manifest), "--pooling", pooling,
             "--trainer.max_epochs", str(epochs), "--out", f"{name}/run",
             *(how if gpu else ["--jobs", "2"])]
        )  # fmt: skip
    what = f"the paper's protocol, {patients} x {patches} x {width}, {pooling}, start to end"
    return bar_row(what + ", GPU" * gpu, seconds / 60, "min", bar, most=True)


def table_row(epochs: int) -> Row:
    """Minutes of the paper's table under both protocols on the toy cohort, in two processes."""
    with tempfile.TemporaryDirectory() as name:
        config = ROOT / "experiments" / "configs" / "table1.yaml"
        seconds = _seconds(
            ["--config", str(config), "--trainer.max_epochs", str(epochs), "--jobs", "2",
             "--out", f"{name}/run"],
            baselines=True,  # one column of the table is a Cox regression
        )  # fmt: skip
    what = "the paper's table, both protocols, toy cohort, start to end"
    return bar_row(what, seconds / 60, "min", 15, most=True)


def wide_cohort(folder: Path, patients: int, patches: int, width: int) -> Path:
    """A toy cohort whose bags are replaced by noise of a given size; its manifest."""
    manifest = build_toy(ToyConfig(patients=patients, patches_min=2, patches_max=3), folder)
    content = yaml.safe_load(manifest.read_text(encoding="utf-8"))
    encoder = content["encoder"]
    content["features"] = {encoder: content["features"][encoder] | {"width": width}}
    manifest.write_text(yaml.safe_dump(content), encoding="utf-8")
    random = np.random.default_rng(0)
    for path in (manifest.parent / content["features"][encoder]["path"]).glob("*.h5"):
        features = random.standard_normal((patches, width), dtype=np.float32).astype(np.float16)
        write_bag(path, features, random.integers(0, 50_000, (patches, 2)), {})
    return manifest


def _seconds(flags: list[str], *, baselines: bool = False) -> float:
    command = [sys.executable, "-m", "experiments.run", *flags, "--logger", "csv"]

    def call() -> None:
        done = subprocess.run(
            [*command, "--baselines", str(baselines).lower()],
            env=finding_us(),
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise RuntimeError(f"a run ended with {done.returncode}:\n{done.stderr}")

    return seconds_of(call)

from __future__ import annotations

import csv
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from data_modules.wsi.lock import holder_of
from data_modules.wsi.recipe import Recipe, SlideTask
from data_modules.wsi.rows import kept_rows, rows_of
from experiments.benchmarks.pyramid import write_pyramid
from experiments.preparing.features_work import (
    Settings,
    device_of,
    encoder_of,
    extract_one,
    forget_encoder,
)

SETTINGS = Settings("cpu", 4, 1)
ROOT = Path(__file__).parents[3]
# Of a command that starts Dask on a busy machine.
SECONDS = 240


def test_a_process_loads_its_encoder_once(mean_colours) -> None:
    recipe = Recipe("mean")
    first = encoder_of(recipe, SETTINGS)
    assert encoder_of(Recipe("mean"), SETTINGS) is first
    assert encoder_of(Recipe("mean", random_weights=True), SETTINGS) is not first
    forget_encoder()
    assert encoder_of(recipe, SETTINGS) is not first


def test_a_slide_is_done(mean_colours, slides, tmp_path) -> None:
    (tmp_path / "out").mkdir()
    task = SlideTask(
        "P2", slides / "P2.svs", None, None, tmp_path / "out" / "P2.h5", tmp_path / "P2.png"
    )
    done = extract_one(Recipe("mean", stain="none", tissue="none"), SETTINGS, task)
    assert (done.tiles, task.target.exists()) == (9, True)


def test_processes_share_out_the_gpus(monkeypatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    found = []
    for place in range(3):
        monkeypatch.setenv("MMSURV_WORKER", str(place))
        found.append(device_of("auto"))
    assert found == ["cuda:0", "cuda:1", "cuda:0"]
    assert device_of("cuda:1") == "cuda:1"
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert device_of("auto") == "cpu"


def started(slides: Path, out: Path, *flags: str) -> subprocess.Popen[bytes]:
    command = [
        sys.executable, "-m", "experiments.prepare", "features", "--slides", str(slides),
        "--out", str(out), "--encoder", "test_resnet.r160_in1k", "--random_weights",
        "--tissue", "none", "--batch_size", "4", "--jobs", "1", *flags,
    ]  # fmt: skip
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL)


def kill_under_way(target: Path) -> None:
    """The process that does a slide, by SIGKILL, when some of its tiles are done."""
    until = time.monotonic() + SECONDS
    while time.monotonic() < until:
        kept = kept_rows(rows_of(target))
        if kept is not None and kept.rows >= 8:
            os.kill(int(holder_of(target).read_text().split()[0]), signal.SIGKILL)
            return
        time.sleep(0.005)
    pytest.fail("no tile was done")


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="has no SIGKILL")
def test_a_worker_killed_under_a_slide_leaves_the_bytes_of_one_process(tmp_path) -> None:
    slides = tmp_path / "slides"
    slides.mkdir()
    write_pyramid(slides / "A.svs", 1200, radius=0.4, mpp=0.5, downsamples=(1, 4, 16))
    killed, whole = tmp_path / "killed", tmp_path / "whole"
    with started(slides, killed, "--cluster", "local") as command:
        kill_under_way(killed / "A.h5")
        assert command.wait(SECONDS) == 0
    with started(slides, whole) as command:
        assert command.wait(SECONDS) == 0
    assert (killed / "A.h5").read_bytes() == (whole / "A.h5").read_bytes()
    with (killed / "slides.csv").open(encoding="utf-8", newline="") as file:
        (row,) = csv.DictReader(file)
    assert "went on after" in row["notes"]
    assert not [path.name for path in killed.iterdir() if path.name.startswith(".")]

from __future__ import annotations

import json
from mmap import mmap

import numpy as np
import pytest

from experiments.benchmarks import memory


def test_growth_is_seen() -> None:
    # Pages of the system's own: an array may lie where the heap of this process was free already.
    with mmap(-1, 128 * memory.MIB) as pages, memory.Peak() as peak:
        np.frombuffer(pages, np.uint8)[:] = 1
    assert peak.grown > 100 * memory.MIB


@pytest.mark.parametrize("way", memory.WAYS)
def test_an_epoch_in_this_process(toy_manifest, way, monkeypatch, capsys) -> None:
    monkeypatch.setattr("sys.argv", ["-c", str(toy_manifest), way])
    memory.child()
    assert json.loads(capsys.readouterr().out)["grown"] >= 0


@pytest.mark.slow
def test_tiny_settings(monkeypatch) -> None:
    monkeypatch.setattr(memory, "WAYS", memory.WAYS[:1])
    report = memory.measure(memory.Settings(patients=(40,), patches=4))
    (row,) = report.rows
    assert (row["patients"], row["way"]) == (40, "streaming")
    assert row["features_mib"] > 0
    assert row["ratio"] == row["grown_mib"] / row["features_mib"]


def test_a_process_that_fails_is_not_measured(tmp_path) -> None:
    with pytest.raises(RuntimeError, match=r"memory child .* ended with 1:\nTraceback"):
        memory._grown(tmp_path / "absent.yaml", "streaming")

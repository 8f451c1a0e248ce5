from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, replace
from typing import Any

import numpy as np
import pytest

from experiments.benchmarks import slides
from experiments.benchmarks.clock import Moment
from experiments.benchmarks.fresh import in_fresh_process
from experiments.benchmarks.pyramid import write_pyramid
from experiments.benchmarks.slides import Hasty, Settings

SMALL = Settings(
    slide="", encoder="test_resnet.r160_in1k", precisions=("fp32",), device="cpu", rounds=1,
    side=3000, generated=800,
)  # fmt: skip


def test_a_bar_is_met_or_not() -> None:
    assert slides._row("a", 0.9, ">=", 0.9, cpu=1.0) == {
        "what": "a", "figure": 0.9, "bar": ">= 0.9", "met": "yes", "in cpu time": 1.0,
    }  # fmt: skip
    assert slides._row("a", 0.89, ">=", 0.9)["met"] == "NO"
    assert slides._row("a", 4096, "<", 4096)["met"] == "NO"


def test_speeds_are_means_of_the_rounds() -> None:
    spans = [("end to end", 20), ("end to end", 16), ("bare forward", 16), ("tiatoolbox", 40)]
    measured = [slides._speed(way, "fp32", 160, Moment(wall, 10)) for way, wall in spans]
    first, second = slides._speeds(SMALL, measured)
    assert (first["figure"], second["figure"]) == (0.9, 2.25)
    assert (first["in cpu time"], first["bar"], second["bar"]) == (1.0, ">= 0.9", ">= 1.3")
    (cost,) = slides._costs(SMALL, measured)
    assert cost == "fp32: 1000 slides of 15000 tiles take 463 h (9.0 tiles/s)"


def test_a_large_slide_in_this_process(tmp_path, monkeypatch, capsys) -> None:
    path = tmp_path / "large.svs"
    write_pyramid(path, SMALL.side)
    monkeypatch.setattr("sys.argv", ["-c", str(path), json.dumps(asdict(SMALL))])
    slides.child()
    found = json.loads(capsys.readouterr().out)
    assert found["tiles"] > 3
    assert found["peak"] > slides.MIB


def test_a_gpu_is_measured_where_there_is_one(monkeypatch) -> None:
    """The command gives no flag for it."""
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    monkeypatch.setattr("torch.cuda.device_count", lambda: 1)
    monkeypatch.setattr(slides, "_round", lambda *_: [])
    monkeypatch.setattr(slides, "_memory", lambda *_: {})
    monkeypatch.setattr(slides, "_speeds", lambda *_: [])
    monkeypatch.setattr(slides, "_costs", lambda *_: [])
    report = slides.measure(replace(SMALL, precisions=(), device=Settings().device))
    assert report.settings["device"] == "cuda"
    assert report.settings["precisions"] == ("fp32", "bf16")
    assert report.title.endswith("cuda")


def test_an_encoder_in_a_hurry_has_the_width_of_the_real_one() -> None:
    hasty = Hasty(slides._encoder(SMALL, "fp32"))
    batches = [hasty.encode(np.full((2, 160, 160, 3), 7, np.uint8)) for _ in range(5)]
    assert {batch.shape for batch in batches} == {(2, hasty.width)}
    assert (batches[-1] == 7).all()
    assert (batches[0] != 7).any()


def test_tiatoolbox_in_this_process(tmp_path, monkeypatch, capsys) -> None:
    # Its own extractor takes twenty seconds to import, and is seen in the test of the reference.
    features = np.zeros((5, 3)), np.zeros((5, 4))
    monkeypatch.setattr(slides, "tiatoolbox_extractor", lambda *_, **__: lambda *_: features)
    path = tmp_path / "slide.svs"
    write_pyramid(path, SMALL.generated, radius=0.4, mpp=0.5)
    settings = json.dumps(asdict(SMALL))
    monkeypatch.setattr("sys.argv", ["-c", str(path), str(tmp_path), settings])
    slides.theirs()
    (row,) = json.loads(capsys.readouterr().out)
    assert (row["way"], row["tiles"]) == ("tiatoolbox", 5)
    assert row["tiles_s"] > 0


@pytest.mark.slow
def test_tiny_settings(monkeypatch) -> None:
    theirs = [slides._speed("tiatoolbox", "fp32", 5, Moment(1, 1))]

    def without_tiatoolbox(call: Callable[[], None], *told: str, **more: Any) -> Any:
        return theirs if call is slides.theirs else in_fresh_process(call, *told, **more)

    monkeypatch.setattr(slides, "in_fresh_process", without_tiatoolbox)
    report = slides.measure(SMALL)
    assert [row["bar"] for row in report.rows] == [">= 0.9", ">= 1.3", "< 4096"]
    assert all(row["figure"] > 0 for row in report.rows)
    assert [row["way"] for row in report.measurements] == [
        "bare forward", "end to end", "tiatoolbox",
    ]  # fmt: skip

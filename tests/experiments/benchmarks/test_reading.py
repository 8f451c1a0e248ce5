from __future__ import annotations

import torch

from experiments.benchmarks import reading


def test_every_way_hands_out_the_same_bags(tmp_path) -> None:
    settings = reading.Settings(patients=3, patches=(2, 5), width=8)
    stores = reading._stores(settings, tmp_path)
    for name in ("P0", "P1", "P2"):
        expected = stores[reading.BASELINE].read(name)
        for way, store in stores.items():
            assert all(map(torch.equal, store.read(name), expected)), way


def test_tiny_settings() -> None:
    settings = reading.Settings(
        patients=3, patches=(2, 5), width=8, repetitions=1, ahead=(0, 2), waiting_patients=4,
        waiting_patches=(2, 5),
    )  # fmt: skip
    report = reading.measure(settings)
    ways = [(row["what"], row["way"]) for row in report.rows]
    assert ways[:5] == [("reading", w) for w in ("h5", "h5, chunked", "pt", "packed", "resident")]
    assert ways[5] == ("of a bare map", "packed")
    assert ways[6:8] == [("training", "h5, 0 ahead"), ("training", "h5, 2 ahead")]
    waiting = [row for row in report.rows if row["what"] == "waiting"]
    assert [row["way"] for row in waiting] == [
        f"packed, {ahead} ahead, {pooling}"
        for pooling in ("self_attention", "latent")
        for ahead in (0, 2)
    ]
    assert all(0 < row["ratio"] < 1 for row in waiting)
    assert [bool(row["bar"]) for row in waiting] == [False, True] * 2
    assert all(row["holds"] in {"yes", "no"} for row in report.rows if row["bar"])
    assert [row["ratio"] for row in report.rows if row["way"] in ("h5", "h5, 0 ahead")] == [1, 1]
    assert all(row["epoch_ms"] > 0 for row in report.rows)

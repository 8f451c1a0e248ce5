"""Small slides, and an encoder that is done at once."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from experiments.benchmarks.pyramid import write_pyramid


class MeanColours:
    """Stands for an encoder: the mean colours of a tile."""

    name, width, tile_px = "mean", 3, 224

    def __init__(self, *, random: bool) -> None:
        self.random = random

    def header(self) -> dict[str, str | int]:
        return {"timm": "none", "weights": "0" * 64, "random_weights": int(self.random)}

    def encode(self, tiles: np.ndarray) -> np.ndarray:
        return tiles.mean((1, 2)).astype(np.float32)


@pytest.fixture
def mean_colours(monkeypatch) -> type[MeanColours]:
    """What `--encoder` loads, whatever its name."""
    from experiments.preparing import features_work

    def load(name: str, *, weights, random_weights: bool, device: str, precision: str):  # noqa: ANN202
        return MeanColours(random=random_weights)

    monkeypatch.setattr(features_work, "load_encoder", load)
    features_work.forget_encoder()
    return MeanColours


@pytest.fixture
def slides(tmp_path) -> Path:
    """Two good slides and an empty file."""
    folder = tmp_path / "slides"
    folder.mkdir()
    for name, radius in (("TCGA-A2-A0T0-01Z-00-DX1.x", 0.3), ("P2", 0.2)):
        write_pyramid(folder / f"{name}.svs", 400, radius=radius, mpp=0.5, downsamples=(1, 4))
    (folder / "empty.svs").write_bytes(b"")
    return folder

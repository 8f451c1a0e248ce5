"""Small slides and an encoder that is done at once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from data_modules.wsi.recipe import Recipe, SlideTask
from experiments.benchmarks.pyramid import write_pyramid


class MeanColours:
    """Stands for an encoder: the mean colours of a tile."""

    name, width, tile_px = "mean", 3, 224

    def __init__(self) -> None:
        self.batches: list[int] = []

    def header(self) -> dict[str, str]:
        return {"timm": "none", "weights": "0" * 64}

    def encode(self, tiles: np.ndarray) -> np.ndarray:
        self.batches.append(len(tiles))
        return tiles.mean((1, 2)).astype(np.float32)


@pytest.fixture
def encoder() -> MeanColours:
    return MeanColours()


@pytest.fixture
def recipe() -> Recipe:
    """All tiles there are, as they are."""
    return Recipe("mean", stain="none", tissue="none")


MakeTask = Callable[..., SlideTask]


@pytest.fixture
def make_task(tmp_path) -> MakeTask:
    """`make_task("A", side=600)`: a slide of 0.5 µm per pixel, and where its bag goes."""

    def make(name: str = "A", *, side: int = 600, radius: float = 0.3) -> SlideTask:
        path = tmp_path / "slides" / f"{name}.svs"
        path.parent.mkdir(exist_ok=True)
        write_pyramid(path, side, radius=radius, mpp=0.5, downsamples=(1, 4))
        return task_of(path, tmp_path / "out")

    return make


def task_of(path: Path, out: Path) -> SlideTask:
    out.mkdir(exist_ok=True)
    name = path.stem
    return SlideTask(name, path, None, None, out / f"{name}.h5", out / "overviews" / f"{name}.png")

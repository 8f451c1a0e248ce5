from __future__ import annotations

import numpy as np
import pytest

from data_modules.wsi.extract import STAIN_TILES
from data_modules.wsi.stain_matrix import tissue_pixels
from experiments.benchmarks import stain
from experiments.benchmarks.pyramid import write_pyramid
from experiments.benchmarks.stain import Settings, generated_tiles, measure, slide_tiles


def test_generated_tiles_are_tissue_and_always_the_same() -> None:
    tiles = generated_tiles(2)
    assert (tiles == generated_tiles(2)).all()
    assert len(tissue_pixels(tiles.reshape(-1, 3))) > tiles.size / 3 / 2


def test_tiles_of_a_slide(tmp_path) -> None:
    write_pyramid(tmp_path / "a.svs", 3000, radius=0.4, mpp=0.5, downsamples=(1, 4, 16))
    tiles = slide_tiles(tmp_path / "a.svs", 0.5)
    assert tiles.shape == (STAIN_TILES, 224, 224, 3)
    assert len(np.unique(tiles.mean((1, 2, 3)))) > 1


@pytest.mark.slow
def test_tiny_settings() -> None:
    report = measure(Settings(slides=("absent.svs",), tiles=4, rounds=1))
    (row,) = report.rows
    assert row["tiles"] == "generated"
    assert row["ratio"] > 0
    assert row["grey_levels"] < stain.MOST_LEVELS

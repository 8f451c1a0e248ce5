from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from data_modules.wsi.density import BLOCK, GLASS, in_density, optical_density, recoloured

tiles = arrays(np.uint8, (2, 5, 5, 3))
matrices = arrays(np.float64, (3, 3), elements=st.floats(-3, 3))


def plain(pixels: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    density = -np.log(np.maximum(pixels, 1) / 255.0)
    return np.clip(255 * np.exp(-np.maximum(density @ matrix, 0)), 0, 255)


@given(tiles, matrices)
def test_pixels_that_are_no_glass_follow_the_equation(pixels, matrix) -> None:
    pixels = np.minimum(pixels, 220)
    found = recoloured(pixels, in_density(matrix)).astype(float)
    assert np.abs(found - np.floor(plain(pixels, matrix))).max() <= 1


@given(tiles, matrices)
def test_glass_is_never_darkened(pixels, matrix) -> None:
    pale = np.maximum(pixels, GLASS)
    assert (recoloured(pale, in_density(matrix)) >= pale).all()


def test_between_tissue_and_glass_nothing_jumps() -> None:
    grey = np.repeat(np.arange(256, dtype=np.uint8)[:, None], 3, axis=1)
    darker = recoloured(grey, in_density(np.eye(3) * 3)).astype(int)
    assert (np.diff(darker[:, 0]) >= 0).all()
    assert np.diff(darker[:, 0]).max() <= 16


def test_a_change_that_brightens_glass_is_kept() -> None:
    assert (recoloured(np.full((1, 3), 235, np.uint8), in_density(np.zeros((3, 3)))) == 255).all()


def test_blocks_are_not_seen() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (BLOCK + 7, 3), dtype=np.uint8)
    change = in_density(np.diag([0.5, 1.5, 2.0]))
    halves = [recoloured(part, change) for part in (pixels[:100], pixels[100:])]
    assert (recoloured(pixels, change) == np.concatenate(halves)).all()


def test_a_view_of_an_image_and_no_tiles_at_all() -> None:
    image = np.random.default_rng(0).integers(0, 256, (9, 9, 3), dtype=np.uint8)
    change = in_density(np.eye(3) / 2)
    assert (recoloured(image[::2, ::-1], change) == recoloured(image, change)[::2, ::-1]).all()
    assert recoloured(np.zeros((0, 4, 4, 3), np.uint8), change).shape == (0, 4, 4, 3)


def test_black_has_a_density() -> None:
    assert np.isfinite(optical_density(np.array([0, 255], np.uint8))).all()

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_modules.wsi.stain_matrix import (
    DegenerateError,
    fitted,
    macenko_vectors,
    optical_density,
    tissue_pixels,
    vahadane_vectors,
)

STAINS = np.array([[0.65, 0.70, 0.29], [0.07, 0.99, 0.11]])
STAINS /= np.linalg.norm(STAINS, axis=1, keepdims=True)


def _density(seed: int, n: int = 6000) -> np.ndarray:
    rng = np.random.default_rng(seed)
    amounts = rng.gamma(1.0, 0.6, (n, 2))
    amounts[: n // 6, 0] = 0
    amounts[-n // 6 :, 1] = 0
    return amounts @ STAINS


@given(st.integers(0, 1000))
def test_macenko_finds_the_stains_that_pixels_were_mixed_of(seed) -> None:
    found = macenko_vectors(_density(seed))
    assert (np.abs(found - STAINS) < 0.05).all()


def test_vahadane_finds_them_too_and_always_the_same() -> None:
    density = _density(0)
    found = vahadane_vectors(density)
    assert np.degrees(np.arccos((found * STAINS).sum(1))).max() < 12
    assert (found >= 0).all()
    assert np.array_equal(found, vahadane_vectors(density))


@pytest.mark.parametrize("name", ["macenko", "vahadane"])
def test_strengths_are_the_99th_percentiles(name) -> None:
    pixels = (255 * np.exp(-_density(1))).astype(np.uint8)
    stains = fitted(pixels, name)
    amounts = optical_density(pixels) @ np.linalg.pinv(stains.vectors)
    assert (amounts <= stains.strength).mean(0) == pytest.approx(np.array([0.99, 0.99]), abs=0.001)
    assert np.linalg.norm(stains.vectors, axis=1) == pytest.approx(np.ones(2))


def test_one_colour_has_no_stains() -> None:
    with pytest.raises(DegenerateError, match="stain"):
        fitted(np.full((5000, 3), (120, 80, 130), np.uint8), "macenko")


def test_glass_is_no_tissue() -> None:
    pixels = np.array([[221, 221, 221], [219, 219, 219], [255, 100, 100]], np.uint8)
    assert tissue_pixels(pixels).tolist() == [[219, 219, 219], [255, 100, 100]]
    assert optical_density(np.array([0, 1], np.uint8)).tolist() == [np.log(255)] * 2

from __future__ import annotations

import numpy as np
import pytest

from data_modules.wsi import stain_matrix
from data_modules.wsi.density import optical_density
from data_modules.wsi.stain_matrix import (
    DegenerateError,
    dark_pixels,
    fitted,
    macenko_vectors,
    tissue_pixels,
    vahadane_vectors,
)

HE = np.array([[0.62, 0.70, 0.35], [0.15, 0.90, 0.40]])
HE /= np.linalg.norm(HE, axis=1, keepdims=True)


def stained(vectors: np.ndarray, *, noise: float = 0.0, count: int = 20_000) -> np.ndarray:
    rng = np.random.default_rng(0)
    amounts = rng.gamma(1.5, 0.4, (count, len(vectors)))
    alone = rng.integers(0, 3, count)
    if len(vectors) == 2:
        # A third of the pixels hold one stain alone, as nuclei and fibres do.
        amounts[alone == 1, 0] = amounts[alone == 2, 1] = 0
    light = 255 * np.exp(-amounts @ vectors) + rng.normal(0, noise, (count, 3))
    return np.clip(np.rint(light), 0, 255).astype(np.uint8)


def degrees(found: np.ndarray, true: np.ndarray) -> float:
    cosines = np.clip((found * true).sum(1), -1, 1)
    return float(np.degrees(np.arccos(cosines)).max())


@pytest.mark.parametrize("name", ["macenko", "vahadane"])
@pytest.mark.parametrize("noise", [0.0, 2.0])
def test_known_stains_are_found(name, noise) -> None:
    found = fitted(tissue_pixels(stained(HE, noise=noise)), name)
    assert degrees(found.vectors, HE) < 4
    assert np.allclose(np.linalg.norm(found.vectors, axis=1), 1)


def test_strength_is_the_99th_percentile_of_concentrations() -> None:
    pixels = tissue_pixels(stained(HE))
    found = fitted(pixels, "macenko")
    solved = np.linalg.lstsq(found.vectors.T, optical_density(pixels).T, rcond=None)[0]
    assert np.allclose(found.strength, np.percentile(solved, 99, axis=1))


@pytest.mark.parametrize("name", ["macenko", "vahadane"])
def test_the_same_pixels_give_the_same_stains(name) -> None:
    pixels = tissue_pixels(stained(HE, noise=2))
    first, again = fitted(pixels, name), fitted(pixels.copy(), name)
    assert (first.vectors == again.vectors).all()
    assert (first.strength == again.strength).all()


@pytest.mark.parametrize("name", ["macenko", "vahadane"])
def test_the_order_of_pixels_does_not_matter(name) -> None:
    pixels = tissue_pixels(stained(HE, noise=2))
    shuffled = np.random.default_rng(1).permutation(pixels)
    assert degrees(fitted(shuffled, name).vectors, fitted(pixels, name).vectors) < 1


@pytest.mark.parametrize("noise", [0.0, 1.0, 4.0, 8.0])
@pytest.mark.parametrize("stain", [HE[0], HE[1], [0.27, 0.57, 0.78], [0.577, 0.577, 0.577]])
def test_one_stain_is_refused_whatever_the_noise(stain, noise) -> None:
    one = np.array([stain]) / np.linalg.norm(stain)
    with pytest.raises(DegenerateError, match="one stain only"):
        fitted(tissue_pixels(stained(one, noise=noise)), "macenko")


def test_colours_that_no_two_stains_make_are_refused(monkeypatch) -> None:
    ends = np.array([[0.8, -0.6, 0.0], [0.1, 0.9, 0.4]])
    monkeypatch.setattr(stain_matrix, "macenko_vectors", lambda _: ends)
    with pytest.raises(DegenerateError, match="one would have to brighten what it stains"):
        fitted(tissue_pixels(stained(HE)), "macenko")


def test_haematoxylin_comes_first() -> None:
    density = optical_density(stained(HE[::-1]))
    for vectors in (macenko_vectors(density), vahadane_vectors(density)):
        assert vectors[0, 0] > vectors[1, 0]


def test_dark_pixels_are_those_of_tiatoolbox() -> None:
    misc = pytest.importorskip("tiatoolbox.utils.misc")
    pixels = tissue_pixels(stained(HE, noise=3))
    theirs = misc.get_luminosity_tissue_mask(pixels[:, None].copy(), threshold=0.8)[:, 0]
    assert 0.1 < theirs.mean() < 0.95
    assert (theirs != dark_pixels(pixels)).mean() < 0.01


def test_glass_is_no_tissue() -> None:
    noise = np.random.default_rng(0).normal(243, 2, (1000, 3)).astype(np.uint8)
    assert len(tissue_pixels(noise)) == 0

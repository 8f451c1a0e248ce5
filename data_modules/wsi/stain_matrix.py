"""The two stains of a slide: their colours as optical densities, and their strengths."""

from __future__ import annotations

import warnings
from typing import Literal, NamedTuple

import numpy as np
from jaxtyping import Bool, Float, UInt8

from data_modules.wsi.density import optical_density

Array = np.ndarray

# Brighter pixels are glass.
GLASS_GREY = 220.0
# CIE lightness below which a pixel shows the hue of its stain, once contrast is stretched between
# these percentiles: as tiatoolbox chooses pixels.
DARK, LOW, HIGH = 80.0, 2, 98
LUMINANCE = np.array([0.212671, 0.715160, 0.072169])
PERCENTILE = 99
# Closer stain vectors are one stain.
LEAST_ANGLE_DEGREES = 8.0
# How much wider hues spread along their widest direction than across it. Of one stain both are
# noise, and the ratio is at most 1.5 whatever the noise; of four tiles of real slides at least 2.4.
LEAST_OVER_NOISE = 2.0
# Of paler pixels the hue is mostly noise.
LEAST_DENSITY = 0.3
# A stain that takes away less light than this, where it is strongest, cannot be seen.
LEAST_STRENGTH = 0.1
# Pixels that dictionary learning looks at: it is slow, and has enough with these.
DICTIONARY_PIXELS = 20_000
SPARSITY = 0.1


class DegenerateError(ValueError):
    """The stains of these pixels cannot be told apart."""


class Stains(NamedTuple):
    """Two stains.

    Attributes:
        vectors: Unit optical densities in red, green and blue: haematoxylin, then eosin.
        strength: 99th percentile of their concentrations.
    """

    vectors: Float[Array, "2 3"]
    strength: Float[Array, " 2"]

    def __str__(self) -> str:
        h, e = (", ".join(f"{value:.4f}" for value in row) for row in self.vectors)
        return f"H ({h}) E ({e}) at {self.strength[0]:.3f}, {self.strength[1]:.3f}"


def tissue_pixels(pixels: UInt8[Array, "n 3"]) -> UInt8[Array, "m 3"]:
    """Those that are no glass.

    Example:
        >>> tissue_pixels(np.array([[250, 250, 250], [200, 120, 180]], np.uint8)).tolist()
        [[200, 120, 180]]
    """
    grey = pixels @ np.array([0.299, 0.587, 0.114], np.float32)
    chosen: Array = pixels[grey < GLASS_GREY]
    return chosen


def dark_pixels(pixels: UInt8[Array, "n 3"]) -> Bool[Array, " n"]:
    """Which pixels are dark, for the contrast of all, so that their hue is more than noise.

    Example:
        >>> pixels = np.array([[215, 205, 212], [200, 90, 170], [90, 40, 120]], np.uint8)
        >>> dark_pixels(pixels).tolist()
        [False, True, True]
    """
    low, high = np.percentile(pixels, [LOW, HIGH])
    stretched = np.floor(np.clip((np.arange(256) - low) / max(high - low, 1.0), 0.0, 1.0) * 255)
    part = stretched / 255.0
    # What a value of sRGB means in light, and at what light CIE's lightness is DARK.
    light = np.where(part > 0.04045, ((part + 0.055) / 1.055) ** 2.4, part / 12.92)
    darkness: Array = light[pixels] @ LUMINANCE
    return darkness < ((DARK + 16.0) / 116.0) ** 3


def fitted(pixels: UInt8[Array, "n 3"], name: Literal["macenko", "vahadane"]) -> Stains:
    """Stains of tissue pixels.

    Raises:
        DegenerateError: There is one stain, or none.
    """
    density = optical_density(pixels)
    seen = density[dark_pixels(pixels)]
    if _hue_over_noise(seen) < LEAST_OVER_NOISE:
        raise DegenerateError("one stain only: what differs from it is no more than noise")
    vectors = macenko_vectors(seen) if name == "macenko" else vahadane_vectors(seen)
    angle = np.degrees(np.arccos(np.clip(vectors[0] @ vectors[1], -1.0, 1.0)))
    if angle < LEAST_ANGLE_DEGREES:
        raise DegenerateError(f"one stain only: the two that were found are {angle:.1f}° apart")
    if (vectors < -0.1).any():
        raise DegenerateError("no two stains: one would have to brighten what it stains")
    concentrations = density @ np.linalg.pinv(vectors)
    strength = np.percentile(concentrations, PERCENTILE, axis=0)
    if (strength < LEAST_STRENGTH).any():
        raise DegenerateError("one stain only: the other is nowhere to be seen")
    return Stains(vectors, strength)


def _hue_over_noise(density: Float[Array, "n 3"]) -> float:
    length = np.linalg.norm(density, axis=1, keepdims=True)
    hues = (density / length)[length[:, 0] > LEAST_DENSITY]
    if len(hues) < 2:
        return 0.0
    # Hues are of unit length and lie on a sphere: across it is the smallest variance, next to none.
    _, across, along = np.linalg.eigvalsh(np.cov(hues, rowvar=False))
    return float(along / max(across, 1e-12))


def macenko_vectors(density: Float[Array, "n 3"]) -> Float[Array, "2 3"]:
    """Stains as the extreme directions in the plane of the two main components.

    Source: Macenko et al., A method for normalizing histology slides for quantitative analysis,
    2009, doi:10.1109/ISBI.2009.5193250.

    Args:
        density: Optical densities of tissue.

    Example:
        >>> stains = np.array([[0.6, 0.7, 0.4], [0.2, 0.8, 0.55]])
        >>> amounts = np.random.default_rng(0).uniform(0, 2, (2000, 2))
        >>> macenko_vectors(amounts @ stains).round(1).tolist()
        [[0.6, 0.7, 0.4], [0.2, 0.8, 0.6]]
    """
    _, directions = np.linalg.eigh(np.cov(density, rowvar=False))
    plane = directions[:, [2, 1]]
    plane = plane * np.where(plane[:1] < 0, -1.0, 1.0)
    projected = density @ plane
    angle = np.arctan2(projected[:, 1], projected[:, 0])
    low, high = np.percentile(angle, [100 - PERCENTILE, PERCENTILE])
    ends = np.array([[np.cos(a), np.sin(a)] for a in (low, high)]) @ plane.T
    return _ordered(ends)


def vahadane_vectors(density: Float[Array, "n 3"]) -> Float[Array, "2 3"]:
    """Stains as a dictionary of two non-negative words that pixels are sparse in.

    Deterministic: a fixed selection of pixels, and a start at Macenko's stains.

    Source: Vahadane et al., Structure-preserving color normalization and sparse stain separation
    for histological images, 2016, doi:10.1109/TMI.2016.2529665.

    Args:
        density: Optical densities of tissue.
    """
    from sklearn.decomposition import dict_learning_online
    from sklearn.exceptions import ConvergenceWarning

    chosen = density[:: max(1, len(density) // DICTIONARY_PIXELS)]
    with warnings.catch_warnings():
        # Of the amounts in one batch of pixels; the words are averaged over all.
        warnings.simplefilter("ignore", ConvergenceWarning)
        words = dict_learning_online(
            chosen,
            n_components=2,
            alpha=SPARSITY,
            dict_init=np.abs(macenko_vectors(density)),
            positive_dict=True,
            positive_code=True,
            method="cd",
            return_code=False,
            batch_size=256,
            max_iter=20,
            shuffle=False,
            random_state=0,
        )
    length = np.linalg.norm(words, axis=1, keepdims=True)
    if (length == 0).any():
        raise DegenerateError("one stain only")
    return _ordered(words)


def _ordered(vectors: Float[Array, "2 3"]) -> Float[Array, "2 3"]:
    """Unit length, the one that absorbs more red first: that is haematoxylin."""
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    ordered: Array = unit if unit[0, 0] > unit[1, 0] else unit[::-1].copy()
    return ordered

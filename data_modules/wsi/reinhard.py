"""Reinhard's colour transfer: mean and spread in a space where channels are nearly independent."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, UInt8

from data_modules.wsi.density import faded, fading

Array = np.ndarray

# RGB to the responses of the eye's cones, then to lαβ of their logarithms; Ruderman et al. 1998,
# doi:10.1364/JOSAA.15.002036, as printed in Reinhard et al. 2001, doi:10.1109/38.946629.
CONES = np.array([
    [0.3811, 0.5783, 0.0402], [0.1967, 0.7244, 0.0782], [0.0241, 0.1288, 0.8444],
])  # fmt: skip
LAB = np.diag(1 / np.sqrt([3.0, 6.0, 2.0])) @ np.array([[1.0, 1, 1], [1, 1, -2], [1, -1, 0]])
TO_CONES, TO_LAB = CONES.T.astype(np.float32), LAB.T.astype(np.float32)
FROM_CONES, FROM_LAB = np.linalg.inv(TO_CONES), np.linalg.inv(TO_LAB)


# The pale pixels of a tile are far from the mean, and a wider spread would give them any hue.
PALE = fading(180, 225)


class LabStatistics(NamedTuple):
    """Mean and spread of tissue in lαβ of values from 0 to 255.

    Attributes:
        mean: Of l, α and β.
        spread: Standard deviations.
    """

    mean: Float[Array, " 3"]
    spread: Float[Array, " 3"]

    def __str__(self) -> str:
        mean, spread = (", ".join(f"{v:.4f}" for v in part) for part in self)
        return f"lαβ mean ({mean}) sd ({spread})"


# Of TCGA-A2-A3XS-01Z-00-DX1, a breast tumour, as HistomicsTK (Apache-2.0) states it.
LAB_REFERENCE = LabStatistics(
    np.array([8.74108109, -0.12440419, 0.0444982]), np.array([0.6135447, 0.10989545, 0.0286032])
)


def to_lab(pixels: UInt8[Array, "*n 3"]) -> Float[Array, "*n 3"]:
    """Pixels in lαβ.

    Example:
        >>> to_lab(np.array([[128, 128, 128]], np.uint8)).shape
        (1, 3)
    """
    cones = np.maximum(pixels, 1).astype(np.float32) @ TO_CONES
    lab: Array = np.log(cones, out=cones) @ TO_LAB
    return lab


def lab_statistics(pixels: UInt8[Array, "n 3"]) -> LabStatistics:
    """Mean and spread of tissue pixels.

    Example:
        >>> same = lab_statistics(np.full((9, 3), 100, np.uint8))
        >>> bool((same.spread >= 1e-3).all())
        True
    """
    lab = to_lab(pixels)
    return LabStatistics(lab.mean(0), np.maximum(lab.std(0), 1e-3))


def in_lab(source: LabStatistics, target: LabStatistics) -> Callable[[Array], Array]:
    """What gives pixels the target's mean and spread, pale ones less, glass not.

    Args:
        source: Of the slide.
        target: To be.

    Example:
        >>> pixels = np.array([[200, 120, 180], [90, 60, 130]], np.uint8)
        >>> own = lab_statistics(pixels)
        >>> bool((np.abs(in_lab(own, own)(pixels) - pixels) <= 1).all())
        True
    """
    scale = (target.spread / source.spread).astype(np.float32)
    offset = (target.mean - source.mean * scale).astype(np.float32)

    def moved(pixels: UInt8[Array, "n 3"]) -> Float[Array, "n 3"]:
        cones = (to_lab(pixels) * scale + offset) @ FROM_LAB
        colours: Array = np.exp(cones, out=cones) @ FROM_CONES
        np.clip(colours, 0.0, 255.0, out=colours)
        rounded: Array = np.rint(faded(pixels, colours, PALE))
        return rounded

    return moved

"""Reinhard's colour transfer: mean and spread in a space where channels are nearly independent."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, UInt8

Array = np.ndarray

# RGB to the responses of the eye's cones, then to lαβ of their logarithms; Ruderman et al. 1998,
# doi:10.1364/JOSAA.15.002036, as printed in Reinhard et al. 2001, doi:10.1109/38.946629.
CONES = np.array([
    [0.3811, 0.5783, 0.0402], [0.1967, 0.7244, 0.0782], [0.0241, 0.1288, 0.8444],
])  # fmt: skip
LAB = np.diag(1 / np.sqrt([3.0, 6.0, 2.0])) @ np.array([[1.0, 1, 1], [1, 1, -2], [1, -1, 0]])
TO_CONES, TO_LAB = CONES.T.astype(np.float32), LAB.T.astype(np.float32)
FROM_CONES, FROM_LAB = np.linalg.inv(TO_CONES), np.linalg.inv(TO_LAB)
# Pixels whose darkest channel is above the second are glass and stay as they are; between the two,
# the change fades out, as an edge would be seen.
FADES, GLASS = 190.0, 230.0


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


# A stained breast tumour, as HistomicsTK states it for this method.
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
    lab: Array = np.log(cones) @ TO_LAB
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


def moved_in_lab(
    tiles: UInt8[Array, "*n 3"], source: LabStatistics, target: LabStatistics
) -> UInt8[Array, "*n 3"]:
    """Tiles with the target's mean and spread; glass stays as it is.

    Example:
        >>> pixels = np.array([[200, 120, 180], [90, 60, 130]], np.uint8)
        >>> own = lab_statistics(pixels)
        >>> bool((np.abs(moved_in_lab(pixels, own, own).astype(int) - pixels) <= 1).all())
        True
    """
    lab = (to_lab(tiles) - source.mean) * (target.spread / source.spread) + target.mean
    cones = np.exp(lab.astype(np.float32) @ FROM_LAB)
    moved = np.clip(cones @ FROM_CONES, 0.0, 255.0)
    kept = np.clip((tiles.min(-1, keepdims=True) - FADES) / (GLASS - FADES), 0.0, 1.0)
    mixed: Array = np.rint(kept * tiles + (1.0 - kept) * moved)
    return mixed.astype(np.uint8)

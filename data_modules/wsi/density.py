"""Optical densities: what dyes do to light, in numbers that add up; and glass, which has no dye."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from jaxtyping import Float, UInt8

Array = np.ndarray

# A pixel whose darkest channel is above the second is glass, and nothing makes it darker; between
# the two, what would darken it fades out, as an edge would be seen.
FADES, GLASS = 220, 240
# Pixels that are calculated together: their intermediate results fit into a processor's cache.
BLOCK = 16_384


def optical_density(values: UInt8[Array, "*n"]) -> Float[Array, "*n"]:
    """-log(I / 255), of black as of 1.

    Example:
        >>> optical_density(np.array([255, 94], np.uint8)).round(2).tolist()
        [0.0, 1.0]
    """
    density: Array = np.maximum(-np.log(np.maximum(values, 1) / 255.0), 1e-6)
    return density


def in_density(matrix: Float[Array, "3 3"]) -> Callable[[Array], Array]:
    """What mixes the optical densities of pixels by a matrix.

    The logarithm is a look-up, the rest one product and one exponential function.

    Args:
        matrix: From densities to densities, for rows.

    Example:
        >>> halved = in_density(np.eye(3) / 2)
        >>> halved(np.array([[255, 94, 34]], np.uint8)).astype(int).tolist()
        [[254, 154, 93]]
    """
    density = optical_density(np.arange(256, dtype=np.uint8)).astype(np.float32)
    negative = -matrix.astype(np.float32)

    def mixed(pixels: UInt8[Array, "n 3"]) -> Float[Array, "n 3"]:
        mixture: Array = density.take(pixels, mode="clip") @ negative
        np.minimum(mixture, 0.0, out=mixture)
        np.exp(mixture, out=mixture)
        mixture *= 255.0
        return mixture

    return mixed


def fading(begin: int, end: int) -> Float[Array, " 256"]:
    """How much of a change is left for a pixel, by its darkest channel: all, falling to nothing.

    Example:
        >>> fading(220, 240)[[0, 220, 230, 240, 255]].tolist()
        [1.0, 1.0, 0.5, 0.0, 0.0]
    """
    left: Array = np.clip((end - np.arange(256, dtype=np.float32)) / (end - begin), 0.0, 1.0)
    return left


def faded(
    old: UInt8[Array, "n 3"], new: Float[Array, "n 3"], left: Float[Array, " 256"]
) -> Float[Array, "n 3"]:
    """A change, as far as it is left for each pixel.

    Args:
        old: Pixels.
        new: What they would become.
        left: See `fading`.

    Example:
        >>> old = np.array([[240, 230, 250]], np.uint8)
        >>> faded(old, np.float32([[140, 130, 150]]), fading(220, 240)).tolist()
        [[190.0, 180.0, 200.0]]
    """
    darkest = np.minimum(np.minimum(old[:, 0], old[:, 1]), old[:, 2])
    change: Array = new - old
    change *= left.take(darkest, mode="clip")[:, None]
    change += old
    return change


NOT_DARKER = fading(FADES, GLASS)


def recoloured(
    tiles: UInt8[Array, "*n 3"], change: Callable[[Array], Array]
) -> UInt8[Array, "*n 3"]:
    """Tiles with other colours; glass is never darkened.

    Args:
        tiles: Of any shape.
        change: From (n, 3) bytes to as many numbers from 0 to 255, pixel by pixel.

    Example:
        >>> pixels = np.array([[200, 120, 180], [240, 243, 242]], np.uint8)
        >>> recoloured(pixels, lambda old: old / np.float32(2)).tolist()
        [[100, 60, 90], [240, 243, 242]]
    """
    pixels = np.ascontiguousarray(tiles).reshape(-1, 3)
    result = np.empty_like(pixels)
    for start in range(0, len(pixels), BLOCK):
        old = pixels[start : start + BLOCK]
        new = change(old)
        np.maximum(new, faded(old, new, NOT_DARKER), out=new)
        np.copyto(result[start : start + BLOCK], new, casting="unsafe")
    return result.reshape(tiles.shape)

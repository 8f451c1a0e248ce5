"""Stain normalisation: fitted once a slide, then one small calculation a pixel.

Fitting tile by tile, as is common, gives every tile another colour and costs far more.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from jaxtyping import Float, UInt8

from data_modules.problems import BadInput, Problem
from data_modules.wsi import stain_matrix
from data_modules.wsi.reinhard import (
    LAB_REFERENCE,
    LabStatistics,
    lab_statistics,
    moved_in_lab,
)
from data_modules.wsi.stain_matrix import (
    DegenerateError,
    Stains,
    optical_density,
    tissue_pixels,
)

Array = np.ndarray
StainName = Literal["none", "macenko", "vahadane", "reinhard"]

# Fewer tissue pixels do not show what a slide's stains are.
FEWEST_PIXELS = 2_000
# Pixels that fitting looks at, at most.
MOST_PIXELS = 200_000

# Haematoxylin, then eosin, and how strong they are at the 99th percentile: the reference of Macenko
# et al. 2009, doi:10.1109/ISBI.2009.5193250, as their method is commonly published with.
REFERENCE = Stains(
    np.array([[0.5626, 0.7201, 0.4062], [0.2159, 0.8012, 0.5581]]), np.array([1.9705, 1.0308])
)
LEVELS = np.arange(256, dtype=np.uint8)


@dataclass(frozen=True)
class Target:
    """Whose colours slides take.

    Attributes:
        pixels: Of an image; None is the shipped reference.
    """

    pixels: UInt8[Array, "n 3"] | None = None


@dataclass(frozen=True)
class Stain:
    """What is done to the tiles of one slide.

    Attributes:
        name: That was asked for.
        matrix: From optical density to optical density; None where nothing, or Reinhard, is done.
        lab: Source and target of Reinhard; None otherwise.
        skipped: Why nothing is done, where something was asked for.
        about: Fitted numbers, for the header.
    """

    name: StainName
    matrix: Float[Array, "3 3"] | None = None
    lab: tuple[LabStatistics, LabStatistics] | None = None
    skipped: str = ""
    about: str = ""

    def apply(self, tiles: UInt8[Array, "n t t 3"]) -> UInt8[Array, "n t t 3"]:
        """Tiles in the target's colours; glass stays glass."""
        if self.lab is not None:
            return moved_in_lab(tiles, *self.lab)
        if self.matrix is None:
            return tiles
        density: Array = optical_density(LEVELS).astype(np.float32)
        # A product with a 3 × 3 matrix is left to the linear algebra library, the rest is look-ups.
        mixed: Array = density[tiles].reshape(-1, 3) @ self.matrix.astype(np.float32)
        np.clip(mixed, 0.0, None, out=mixed)
        np.negative(mixed, out=mixed)
        np.exp(mixed, out=mixed)
        mixed *= 255.0
        coloured: Array = mixed.astype(np.uint8).reshape(tiles.shape)
        return coloured

    def header(self) -> dict[str, str]:
        """What was done, for a bag's header."""
        done = f"none: {self.skipped}" if self.skipped else self.name
        return {"stain": done, **({"stain_fit": self.about} if self.about else {})}


def read_target(path: Path) -> Target:
    """The colours of an image.

    Raises:
        BadInput: It cannot be read.
    """
    from PIL import Image

    try:
        with Image.open(path) as image:
            pixels = np.asarray(image.convert("RGB")).reshape(-1, 3)
    except OSError as error:
        raise BadInput([Problem(str(path), None, None, f"not an image: {error}")]) from error
    return Target(pixels)


def fit_stain(pixels: UInt8[Array, "n 3"], name: StainName, target: Target) -> Stain:
    r"""What turns a slide's colours into the target's.

    With optical density :math:`v = -\log(I / 255)`, stain vectors S (2 × 3) and their strengths
    :math:`c` at the 99th percentile, of slide and target, Macenko's and Vahadane's methods map

    .. math:: v' = v \, S_s^+ \, \mathrm{diag}(c_t / c_s) \, S_t,

    which is one 3 × 3 matrix a slide. Reinhard's moves mean and spread in the space
    :math:`l\alpha\beta`. A slide whose stains cannot be told apart is left as it is.

    Args:
        pixels: Of the slide's tissue, from all over it; glass among them is passed over.
        name: Method.
        target: Whose colours.

    Raises:
        BadInput: The target image has no stains to take.

    Sources: Macenko et al. 2009, doi:10.1109/ISBI.2009.5193250; Vahadane et al. 2016,
    doi:10.1109/TMI.2016.2529665; Reinhard et al. 2001, doi:10.1109/38.946629.

    Example:
        >>> fit_stain(np.full((5000, 3), 250, np.uint8), "macenko", Target()).header()
        {'stain': 'none: 0 tissue pixels, 2000 are needed'}
    """
    if name == "none":
        return Stain("none")
    try:
        chosen = _chosen(pixels)
        if name == "reinhard":
            lab = lab_statistics(chosen)
            return Stain(name, lab=(lab, _target_lab(target)), about=str(lab))
        source = stain_matrix.fitted(chosen, name)
    except DegenerateError as error:
        return Stain(name, skipped=str(error))
    wanted = _target_stains(target, name)
    scale = np.diag(wanted.strength / source.strength)
    matrix = np.linalg.pinv(source.vectors) @ scale @ wanted.vectors
    return Stain(name, matrix=matrix, about=str(source))


def _chosen(pixels: UInt8[Array, "n 3"]) -> UInt8[Array, "m 3"]:
    tissue = tissue_pixels(pixels)
    if len(tissue) < FEWEST_PIXELS:
        raise DegenerateError(f"{len(tissue)} tissue pixels, {FEWEST_PIXELS} are needed")
    # Every so-and-so-many-th: the same pixels give the same stains, without a random number.
    return tissue[:: max(1, len(tissue) // MOST_PIXELS)]


def _target_stains(target: Target, name: Literal["macenko", "vahadane"]) -> Stains:
    if target.pixels is None:
        return REFERENCE
    try:
        return stain_matrix.fitted(_chosen(target.pixels), name)
    except DegenerateError as error:
        raise _no_target(error) from error


def _target_lab(target: Target) -> LabStatistics:
    if target.pixels is None:
        return LAB_REFERENCE
    try:
        return lab_statistics(_chosen(target.pixels))
    except DegenerateError as error:
        raise _no_target(error) from error


def _no_target(error: DegenerateError) -> BadInput:
    text = f"{error}: choose an image of stained tissue"
    return BadInput([Problem("--stain_target", None, None, text)])

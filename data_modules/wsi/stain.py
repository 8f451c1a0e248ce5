"""Stain normalisation: fitted once a slide, then one small calculation a pixel.

Fitting tile by tile, as is common, gives every tile another colour and costs far more.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from jaxtyping import Float, Int64, UInt8

from data_modules.problems import BadInput, Problem
from data_modules.wsi import stain_matrix
from data_modules.wsi.density import in_density, recoloured
from data_modules.wsi.reinhard import LAB_REFERENCE, LabStatistics, in_lab, lab_statistics
from data_modules.wsi.stain_matrix import DegenerateError, Stains, tissue_pixels

Array = np.ndarray
StainName = Literal["none", "macenko", "vahadane", "reinhard"]

# Fewer tissue pixels do not show what a slide's stains are.
FEWEST_PIXELS = 2_000
# Pixels that fitting looks at, at most.
MOST_PIXELS = 200_000

# Haematoxylin, then eosin, and how strong they are at the 99th percentile: the reference that the
# authors of Macenko et al. 2009, doi:10.1109/ISBI.2009.5193250, ship with their method (HERef and
# maxCRef), and most programs after them; with a white of 240, which moves densities by 0.06.
REFERENCE = Stains(
    np.array([[0.5626, 0.7201, 0.4062], [0.2159, 0.8012, 0.5581]]), np.array([1.9705, 1.0308])
)
# Sides of a target image, at most: more pixels tell no more, and a slide is no target.
MOST_SIDE_PX = 20_000
MODES = ("RGB", "RGBA", "P", "CMYK", "YCbCr")


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
        towards: Those of the target, likewise.
    """

    name: StainName
    matrix: Float[Array, "3 3"] | None = None
    lab: tuple[LabStatistics, LabStatistics] | None = None
    skipped: str = ""
    about: str = ""
    towards: str = ""

    def apply(self, tiles: UInt8[Array, "n t t 3"]) -> UInt8[Array, "n t t 3"]:
        """Tiles in the target's colours; glass stays glass."""
        if self.lab is not None:
            return recoloured(tiles, in_lab(*self.lab))
        if self.matrix is None:
            return tiles
        return recoloured(tiles, in_density(self.matrix))

    def header(self) -> dict[str, str]:
        """What was done, for a bag's header."""
        done = f"none: {self.skipped}" if self.skipped else self.name
        fitted = {"stain_fit": self.about, "stain_towards": self.towards}
        return {"stain": done, **(fitted if self.about else {})}


def read_target(path: Path) -> Target:
    """The colours of an image.

    Raises:
        BadInput: It cannot be read.
    """
    from PIL import Image

    try:
        with Image.open(path) as image:
            wrong = _unfit(image.mode, max(image.size))
            if not wrong:
                opaque = image.convert("RGBA")
                white = Image.new("RGBA", image.size, "white")
                seen = np.asarray(Image.alpha_composite(white, opaque).convert("RGB"))
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        wrong = f"not an image that can be read: {error}"
    if wrong:
        raise BadInput([Problem(str(path), None, None, wrong)])
    return Target(seen.reshape(-1, 3))


def _unfit(mode: str, longest_px: int) -> str:
    """Why an image cannot be a target; "" where it can."""
    if mode not in MODES:
        return f"an image of mode {mode}: the target needs colours of 8 bits"
    if longest_px > MOST_SIDE_PX:
        return f"{longest_px} px long: cut a region of at most {MOST_SIDE_PX} px"
    return ""


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
            lab, other = lab_statistics(chosen), _target_lab(target)
            return Stain(name, lab=(lab, other), about=str(lab), towards=str(other))
        source = stain_matrix.fitted(chosen, name)
    except DegenerateError as error:
        return Stain(name, skipped=str(error))
    wanted = _target_stains(target, name)
    scale = np.diag(wanted.strength / source.strength)
    matrix = np.linalg.pinv(source.vectors) @ scale @ wanted.vectors
    return Stain(name, matrix=matrix, about=str(source), towards=str(wanted))


def _chosen(pixels: UInt8[Array, "n 3"]) -> UInt8[Array, "m 3"]:
    tissue = tissue_pixels(pixels)
    if len(tissue) < FEWEST_PIXELS:
        raise DegenerateError(f"{len(tissue)} tissue pixels, {FEWEST_PIXELS} are needed")
    chosen: Array = tissue[spread_over(len(tissue), MOST_PIXELS)]
    return chosen


def spread_over(count: int, most: int) -> Int64[Array, " n"]:
    """Places out of `count`, evenly spread, the same ones every time, in step with no period.

    One place in every stretch of `count / most`, moved within it by multiples of the golden ratio:
    every n-th pixel alone may be the same column of all tiles.

    Example:
        >>> spread_over(3, 5).tolist(), spread_over(100, 4).tolist()
        ([0, 1, 2], [0, 40, 55, 96])
    """
    if count <= most:
        return np.arange(count)
    places = np.arange(most)
    moved: Array = (places + (places * 0.6180339887498949) % 1.0) * (count / most)
    return moved.astype(np.int64)


def check_target(path: Path, name: StainName) -> None:
    """Makes sure, before the first slide, that an image has the colours that a method takes.

    Raises:
        BadInput: It cannot be read, or has no stains to take.
    """
    target = read_target(path)
    if name == "reinhard":
        _target_lab(target)
    elif name != "none":
        _target_stains(target, name)


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

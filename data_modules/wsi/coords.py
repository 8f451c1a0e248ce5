"""Places that TRIDENT or CLAM chose, instead of a grid of our own."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np

from data_modules.features.provenance import number
from data_modules.problems import Problems
from data_modules.wsi.slide import Slide
from data_modules.wsi.tiles import Tiles

NONE = Tiles(np.zeros((0, 2), np.int64), (1.0, 1.0), 1, 1.0)


def read_coords(path: Path, slide: Slide, problems: Problems) -> Tiles:
    """Tiles of an h5 file with `coords` in level-0 px and the size of patches in its attributes.

    TRIDENT says `patch_size` and `patch_size_level0`; CLAM says `patch_size` and `patch_level`,
    with `downsample` where it is not a level of the slide.

    Args:
        path: Of the file.
        slide: That it is of.
        problems: What cannot be read, or does not lie on the slide, goes here.
    """
    try:
        with h5py.File(path, "r") as file:
            data = file["coords"]
            about = dict(data.attrs) | dict(file.attrs)
            coords = np.asarray(data)
    except (OSError, KeyError) as error:
        problems.add(path, f"no coordinates in it: {error}")
        return NONE
    if coords.ndim != 2 or coords.shape[1] != 2 or not np.issubdtype(coords.dtype, np.number):
        problems.add(path, f"coords is {coords.dtype} of shape {coords.shape}, not (n, 2) numbers")
        return NONE
    patch_px = int(number(about, "patch_size"))
    extent = number(about, "patch_size_level0") or patch_px * _downsample(about, slide)
    if patch_px < 1 or extent < 1:
        problems.add(path, "its attributes do not say patch_size, and patch_size_level0 or level")
        return NONE
    whole = np.rint(coords).astype(np.int64)
    outside = (whole < 0).any(1) | (whole + extent / 2 > np.array(slide.size_px)).any(1)
    if outside.any():
        low, high = whole.min(0), whole.max(0) + extent
        problems.add(
            path,
            f"{outside.sum()} of {len(whole)} patches lie off the slide: they reach from "
            f"({low[0]}, {low[1]}) to ({high[0]:.0f}, {high[1]:.0f}), the slide to {slide.size_px} "
            "px; are they of another slide?",
        )
        return NONE
    return Tiles(whole, (extent, extent), patch_px, slide.mpp[0] * extent / patch_px)


def _downsample(about: dict[str, object], slide: Slide) -> float:
    if "patch_level" in about:
        level = int(number(about, "patch_level"))
        return slide.downsamples[level] if 0 <= level < len(slide.downsamples) else 0.0
    return number(about, "downsample")

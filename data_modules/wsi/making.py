"""What a bag is made of, and whether the one that is there is of the same making."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import h5py
import numpy as np

from data_modules.problems import BadInput, Problem
from data_modules.wsi.recipe import Header, SlideTask, digest_of, digest_of_settings, identity
from data_modules.wsi.slide import Slide
from data_modules.wsi.tiles import Tiles

# Names in a header that tell one making from another, and how a reader calls them.
MADE_OF = {
    "slide_digest": "slide",
    "annotation_digest": "annotation",
    "coordinates_digest": "coordinates",
    "mpp_given": "mpp given",
    "recipe": "recipe",
}


class Found(NamedTuple):
    """A bag that is there.

    Attributes:
        tiles: How many.
        header: What it says of itself.
    """

    tiles: int
    header: Header


def made_of(task: SlideTask, slide: Slide, settings: Header) -> Header:
    """What tells a bag from one of another slide, annotation, scale or recipe.

    Args:
        task: The slide and its files.
        slide: Open.
        settings: The recipe, as a header tells it.

    Raises:
        OSError: A file cannot be read.
    """
    made: Header = {"slide_digest": slide.digest, "recipe": digest_of_settings(identity(settings))}
    for name, path in (("annotation", task.annotation), ("coordinates", task.coords)):
        if path is not None:
            made[f"{name}_digest"] = digest_of(path)
    if slide.mpp_given:
        made["mpp_given"] = slide.mpp[0]
    return made


def find_bag(path: Path, made: Mapping[str, Any]) -> Found | str:
    """A bag of the same making; or why the one that is there is not; "" where none is."""
    if not path.exists():
        return ""
    try:
        with h5py.File(path, "r") as file:
            header: dict[str, Any] = {name: _plain(value) for name, value in file.attrs.items()}
            count = len(file["features"])
    except (OSError, KeyError):
        return "the bag that was there could not be read"
    changed = [told for name, told in MADE_OF.items() if header.get(name) != made.get(name)]
    if changed:
        return f"the {changed[0]} has changed since the bag was written"
    return Found(count, header)


def state_of(path: Path) -> tuple[int, int] | None:
    """Of a file; None where there is none, which opening it tells better."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_size, found.st_mtime_ns


def check_unchanged(path: Path, state: tuple[int, int] | None) -> None:
    """Half of the tiles of one slide and half of another make no bag.

    Raises:
        BadInput: The file was replaced while it was read.
    """
    if state_of(path) != state:
        message = "the slide was replaced while it was read: run again"
        raise BadInput([Problem(str(path), None, None, message)])


def geometry(slide: Slide, tiles: Tiles) -> Header:
    """Sizes under the names that readers of bags know; those of tiles are as they were read."""
    objective = slide.objective or round(10 / slide.mpp[0])
    return {
        "tool": "mmsurv",
        "mpp": (slide.mpp[0] + slide.mpp[1]) / 2,
        "mpp_x": slide.mpp[0],
        "mpp_y": slide.mpp[1],
        "tile_px": tiles.tile_px,
        "tile_mpp": tiles.mpp,
        "patch_px": tiles.tile_px,
        "patch_px_level0": tiles.extent_px[0],
        "patch_um": tiles.tile_px * tiles.mpp,
        "magnification": 10 / tiles.mpp,
        "level0_magnification": objective,
        "overlap_px": 0,
        "slide": slide.path.name,
        "vendor": slide.vendor,
    }


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value

"""What decides the features of a slide, and which slide they are of."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from data_modules.wsi.stain import StainName
from data_modules.wsi.tiles import Grid

# Libraries that a header names.
VERSIONS = ("timm", "torch")
Header = dict[str, str | int | float]


@dataclass(frozen=True)
class Recipe:
    """How slides become features; the same for every slide of a folder.

    Attributes:
        encoder: Name that `load_encoder` knows.
        weights: File of the encoder's weights; None takes those that timm knows.
        random_weights: No weights at all: for tests.
        precision: Of the arithmetic.
        grid: Of the tiles.
        mpp: µm per px at level 0 of slides that do not say it, or say nonsense; 0 where they
            must. Of no other slide it decides anything, so bags say it where it was taken.
        stain: Normalisation.
        stain_target: Image whose colours the tiles take; None is the shipped reference.
        tissue: Way to find tissue; "none" takes all there is.
        include: Classes of annotations that tiles may lie in; () is all.
        exclude: Classes that they may not lie in.
        coords: Whether tiles come from the files of another tool.
    """

    encoder: str
    weights: Path | None = None
    random_weights: bool = False
    precision: str = "fp32"
    grid: Grid = field(default_factory=Grid)
    mpp: float = 0.0
    stain: StainName = "macenko"
    stain_target: Path | None = None
    tissue: str = "otsu"
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    coords: bool = False

    def header(self, encoder: Mapping[str, str | int]) -> Header:
        """What is written into every bag: settings and contents of files, no paths.

        Tiles of another tool have sizes of their own, which the bags say.

        Args:
            encoder: What the encoder says of itself.
        """
        tiling: Header = (
            {"tiles_from": "coordinates"}
            if self.coords
            else {
                "tile_px": self.grid.tile_px,
                "tile_mpp": self.grid.mpp,
                "min_region": self.grid.min_region,
                "min_tissue": self.grid.min_tissue,
                "tissue": self.tissue,
                "include": ", ".join(self.include),
                "exclude": ", ".join(self.exclude),
            }
        )
        about: Header = {
            "encoder": self.encoder,
            **encoder,
            **tiling,
            "stain_wanted": self.stain,
        }
        if self.stain_target is not None:
            about["stain_target"] = digest_of(self.stain_target)
        return about


class SlideTask(NamedTuple):
    """One slide to be done.

    Attributes:
        name: Of the slide.
        path: Of the slide.
        annotation: Its regions; None where there are none.
        coords: Its tiles, from another tool; None cuts them.
        target: The bag.
        overview: The picture.
    """

    name: str
    path: Path
    annotation: Path | None
    coords: Path | None
    target: Path
    overview: Path


def identity(header: Mapping[str, Any]) -> dict[str, Any]:
    """A header without the versions of libraries: a slide is not done again for these.

    Example:
        >>> identity({"encoder": "maxvit", "torch": "2.12.0"})
        {'encoder': 'maxvit'}
    """
    return {name: value for name, value in header.items() if name not in VERSIONS}


def digest_of(path: Path) -> str:
    """SHA-256 of a small file.

    Raises:
        OSError: It cannot be read.
    """
    return hashlib.sha256(path.read_bytes()).hexdigest()


def digest_of_settings(settings: Mapping[str, Any]) -> str:
    """SHA-256 of what JSON can say, whatever the order.

    Example:
        >>> digest_of_settings({"a": 1, "b": 2}) == digest_of_settings({"b": 2, "a": 1})
        True
    """
    return hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()

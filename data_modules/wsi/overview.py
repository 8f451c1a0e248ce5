"""A picture of a slide with its regions and tiles: what a pathologist looks at first."""

from __future__ import annotations

import numpy as np
import shapely
from jaxtyping import UInt8
from PIL import Image, ImageDraw
from shapely.geometry.base import BaseGeometry

from data_modules.wsi.slide import Slide
from data_modules.wsi.tiles import Tiles

Array = np.ndarray

LONGEST_PX = 1600
REGION, TILE, FILL = (0, 92, 175), (0, 0, 0), (255, 196, 0, 70)
# Tiles smaller than this are filled without a border.
BORDERED_PX = 6


def draw_overview(slide: Slide, region: BaseGeometry | None, tiles: Tiles) -> UInt8[Array, "h w 3"]:
    """The slide at up to 1600 px, tiles in yellow, outlines of the region in blue.

    Args:
        slide: Open.
        region: Annotated area in level-0 px; None where there is none.
        tiles: That are read.
    """
    picture = Image.fromarray(slide.thumbnail(LONGEST_PX)).convert("RGBA")
    scale = np.array(picture.size) / np.array(slide.size_px)
    layer = Image.new("RGBA", picture.size)
    pen = ImageDraw.Draw(layer)
    low = tiles.coords * scale
    high = (tiles.coords + np.array(tiles.extent_px)) * scale
    border = (
        (*TILE, 150) if np.ptp([low[:1], high[:1]], axis=0).min(initial=99) >= BORDERED_PX else None
    )
    for (x0, y0), (x1, y1) in zip(low, high, strict=True):
        pen.rectangle((x0, y0, max(x1 - 1, x0), max(y1 - 1, y0)), fill=FILL, outline=border)
    if region is not None:
        width = max(2, round(max(picture.size) / 400))
        for part in shapely.get_parts(region):
            for ring in (part.exterior, *part.interiors):
                line = [tuple(point) for point in np.asarray(ring.coords)[:, :2] * scale]
                pen.line(line, fill=(*REGION, 255), width=width, joint="curve")
    return np.asarray(Image.alpha_composite(picture, layer).convert("RGB"))

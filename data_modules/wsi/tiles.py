"""A grid of tiles of one physical size, whatever the scale of the slide."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import shapely
from jaxtyping import Float, Int64, UInt8
from shapely.geometry.base import BaseGeometry

from data_modules.wsi.slide import Slide
from data_modules.wsi.tissue import Tissue, covered

Array = np.ndarray

# Tiles on a side of the blocks that an outline is cut into, so that no tile meets all of it.
BLOCK_TILES = 16
ROUNDING = 1e-9


@dataclass(frozen=True)
class Grid:
    """Which tiles.

    Attributes:
        tile_px: Side of a tile, as the encoder sees it.
        mpp: µm per px of a tile.
        min_region: Least share of a tile in the annotated region.
        min_tissue: Least share of a tile that is tissue.
    """

    tile_px: int = 224
    mpp: float = 0.25
    min_region: float = 0.5
    min_tissue: float = 0.5


class Tiles(NamedTuple):
    """Tiles of one slide.

    Attributes:
        coords: Upper left corners in level-0 px, row by row.
        extent_px: Width and height of a tile in level-0 px.
        tile_px: Side of a tile as it is read.
        mpp: µm per px of a tile as it is read.
    """

    coords: Int64[Array, "n 2"]
    extent_px: tuple[float, float]
    tile_px: int
    mpp: float


def plan_tiles(
    slide: Slide, grid: Grid, region: BaseGeometry | None, tissue: Tissue | None
) -> Tiles:
    """Tiles of a grid from the slide's corner that lie in region and tissue enough.

    Corners are rounded to whole pixels of level 0; tiles that would reach over the slide's edge are
    left out.

    Args:
        slide: Open.
        grid: Which tiles.
        region: Annotated area in level-0 px; None is everywhere.
        tissue: Of the slide; None is everywhere.
    """
    extent = (grid.tile_px * grid.mpp / slide.mpp[0], grid.tile_px * grid.mpp / slide.mpp[1])
    columns, rows = (
        max(0, int((size + 0.5) / side)) for size, side in zip(slide.size_px, extent, strict=True)
    )
    x, y = np.arange(columns) * extent[0], np.arange(rows) * extent[1]
    places = np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2)
    coords = np.rint(places).astype(np.int64)
    if tissue is not None and len(coords):
        coords = coords[covered(tissue, coords, extent) >= grid.min_tissue - ROUNDING]
    if region is not None and len(coords):
        share = region_share(region, coords, extent)
        coords = coords[(share >= grid.min_region - ROUNDING) & (share > 0)]
    return Tiles(coords, extent, grid.tile_px, grid.mpp)


def region_share(
    region: BaseGeometry, corners: Int64[Array, "n 2"], extent_px: tuple[float, float]
) -> Float[Array, " n"]:
    """Share of every tile that lies in the region, exactly.

    An outline may have a hundred thousand points: it is first cut into blocks of tiles.

    Example:
        >>> half = shapely.box(0, 0, 15, 10)
        >>> region_share(half, np.array([[0, 0], [10, 0], [20, 0]]), (10.0, 10.0)).tolist()
        [1.0, 0.5, 0.0]
    """
    share = np.zeros(len(corners))
    block_of = (corners // (np.array(extent_px) * BLOCK_TILES)).astype(np.int64)
    _, index = np.unique(block_of, axis=0, return_inverse=True)
    order = np.argsort(index, kind="stable")
    starts = np.flatnonzero(np.diff(index[order], prepend=-1))
    shapely.prepare(region)
    for members in np.split(order, starts[1:]):
        low = corners[members].min(0)
        high = corners[members].max(0) + np.array(extent_px)
        block = shapely.box(low[0], low[1], high[0], high[1])
        if not region.intersects(block):
            continue
        if region.contains(block):
            share[members] = 1.0
            continue
        piece = region.intersection(block)
        shapely.prepare(piece)
        x, y = corners[members].T.astype(float)
        boxes = shapely.box(x, y, x + extent_px[0], y + extent_px[1])
        share[members] = shapely.area(shapely.intersection(piece, boxes))
        share[members] /= extent_px[0] * extent_px[1]
    return np.clip(share, 0.0, 1.0)


def read_tiles(slide: Slide, tiles: Tiles, start: int, stop: int) -> UInt8[Array, "n t t 3"]:
    """Pixels of some tiles.

    Args:
        slide: That they are of.
        tiles: All.
        start: First.
        stop: After the last.

    Raises:
        BadInput: A place cannot be read.
    """
    read = [
        slide.read((int(x), int(y)), tiles.extent_px, tiles.tile_px)
        for x, y in tiles.coords[start:stop]
    ]
    return np.stack(read) if read else np.zeros((0, tiles.tile_px, tiles.tile_px, 3), np.uint8)

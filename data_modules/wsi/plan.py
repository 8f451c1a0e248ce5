"""Which tiles of a slide are read, and why."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from shapely.geometry.base import BaseGeometry

from data_modules.problems import BadInput, Problem, Problems
from data_modules.wsi.coords import read_coords
from data_modules.wsi.recipe import Recipe, SlideTask
from data_modules.wsi.regions import choose_region, read_regions
from data_modules.wsi.slide import Slide
from data_modules.wsi.tiles import Tiles, plan_tiles
from data_modules.wsi.tissue import Tissue, tissue_mask, tissue_share

# Of an annotated region, so much at least is tissue: fat has more.
LEAST_TISSUE = 0.03


@dataclass(frozen=True)
class Plan:
    """What is to be read of an open slide.

    Attributes:
        tiles: Where.
        region: The annotated region; None where there is none.
        notes: What a reader should know.
    """

    tiles: Tiles
    region: BaseGeometry | None
    notes: tuple[str, ...]


def plan_slide(task: SlideTask, recipe: Recipe, slide: Slide, tile_px: int) -> Plan:
    """Which tiles of an open slide.

    Args:
        task: The slide and its files.
        recipe: How.
        slide: Open.
        tile_px: Side of the tiles that the encoder takes; those of another tool are read so.

    Raises:
        BadInput: No tile is left, or a file of the slide cannot be used.
    """
    problems = Problems()
    if recipe.coords and task.coords is None:
        raise BadInput([Problem(str(task.path), None, None, "has no coordinates in --coords")])
    if task.coords is not None:
        tiles = read_coords(task.coords, slide, problems)
        problems.raise_if_any()
        return _of_coords(_some(tiles, task, "the coordinates name none"), tile_px)
    region: BaseGeometry | None = None
    notes: list[str] = []
    if task.annotation is None and recipe.include:
        message = (
            "has no annotation, and --include asks for its classes: annotate it, or leave it out"
        )
        raise BadInput([Problem(str(task.path), None, None, message)])
    if task.annotation is not None:
        regions = read_regions(task.annotation, problems)
        problems.raise_if_any()
        region, notes = choose_region(
            regions,
            include=recipe.include,
            exclude=recipe.exclude,
            size_px=slide.size_px,
            problems=problems,
            where=str(task.annotation),
        )
        problems.raise_if_any()
    tissue = None if recipe.tissue == "none" else tissue_mask(slide, recipe.tissue)  # type: ignore[arg-type]
    if tissue is not None:
        notes = [*notes, *tissue.notes]
        if region is not None:
            _check_place(region, tissue, str(task.annotation))
    tiles = plan_tiles(slide, recipe.grid, region, tissue)
    found = "" if tissue is None else f"; tissue is {tissue.mask.mean():.1%} of the slide"
    why = f"none is covered enough (min_region, min_tissue){found}"
    return Plan(_some(tiles, task, why), region, tuple(notes))


def _check_place(region: BaseGeometry, tissue: Tissue, where: str) -> None:
    """An annotation of another level lies on the slide, but not on its tissue."""
    share = tissue_share(tissue, region)
    if not share < LEAST_TISSUE or not tissue.mask.any():
        return
    rows, columns = np.nonzero(tissue.mask)
    left, top, right, bottom = (round(edge) for edge in region.bounds)
    x, y = columns * tissue.px[0], rows * tissue.px[1]
    message = (
        f"{share:.1%} of the annotated region is tissue: it reaches from ({left}, {top}) to "
        f"({right}, {bottom}), the tissue from ({x.min():.0f}, {y.min():.0f}) to "
        f"({x.max():.0f}, {y.max():.0f}) px; is it of another slide, offset or level? "
        "If it is right: --tissue none"
    )
    raise BadInput([Problem(where, None, None, message)])


def _of_coords(tiles: Tiles, tile_px: int) -> Plan:
    if tiles.tile_px == tile_px:
        return Plan(tiles, None, ())
    note = f"tiles of {tiles.tile_px} px are read as {tile_px} px"
    mpp = tiles.mpp * tiles.tile_px / tile_px
    return Plan(tiles._replace(tile_px=tile_px, mpp=mpp), None, (note,))


def _some(tiles: Tiles, task: SlideTask, why: str) -> Tiles:
    if len(tiles.coords):
        return tiles
    raise BadInput([Problem(str(task.path), None, None, f"no tile is left: {why}")])

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st
from shapely.geometry import Point, box

from data_modules.problems import Problems
from data_modules.wsi.regions import choose_region, read_regions
from data_modules.wsi.slide import open_slide
from data_modules.wsi.tiles import Grid, Tiles, plan_tiles, read_tiles, region_share
from data_modules.wsi.tissue import Tissue


@dataclasses.dataclass
class Sheet:
    """A slide of which only size and scale matter."""

    size_px: tuple[int, int]
    mpp: tuple[float, float]


def _plan(size: Sequence[int], mpp: Sequence[float], region=None, tissue=None, **grid) -> Tiles:
    sheet = Sheet(tuple(size), tuple(mpp))  # type: ignore[arg-type]
    return plan_tiles(sheet, Grid(**grid), region, tissue)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("mpp", "extent", "count"),
    [
        ((0.25, 0.25), (224.0, 224.0), 4 * 3),
        ((0.5, 0.5), (112.0, 112.0), 8 * 6),
        ((0.2525, 0.2525), (221.7822, 221.7822), 4 * 3),
        ((0.25, 0.5), (224.0, 112.0), 4 * 6),
    ],
)
def test_tiles_have_one_size_in_tissue_whatever_the_scale(mpp, extent, count) -> None:
    tiles = _plan((900, 680), mpp)
    assert tiles.extent_px == pytest.approx(extent, abs=1e-3)
    assert len(tiles.coords) == count
    assert [e * m for e, m in zip(tiles.extent_px, mpp, strict=True)] == pytest.approx([56.0] * 2)
    assert (tiles.coords + np.array(tiles.extent_px) <= np.array([900, 680]) + 1).all()


@given(st.floats(0.1, 2.0), st.integers(100, 3000), st.integers(100, 3000))
def test_tiles_neither_overlap_nor_leave_gaps(mpp, width, height) -> None:
    tiles = _plan((width, height), (mpp, mpp))
    for axis in (0, 1):
        steps = np.diff(np.unique(tiles.coords[:, axis]))
        assert np.abs(steps - tiles.extent_px[axis]).max(initial=0) <= 1
    assert len(np.unique(tiles.coords, axis=0)) == len(tiles.coords)
    across, down = (int((s + 0.5) / tiles.extent_px[0]) for s in (width, height))
    assert len(tiles.coords) == across * down


def test_coverage_by_region_is_that_of_shapely_tile_by_tile() -> None:
    rough = Point(900, 700).buffer(600, quad_segs=400).difference(box(600, 600, 800, 1500))
    tiles = _plan((2000, 1600), (0.5, 0.5), rough, min_region=0.3)
    every = _plan((2000, 1600), (0.5, 0.5))
    alone = [
        (x, y) for x, y in every.coords.tolist()
        if rough.intersection(box(x, y, x + 112, y + 112)).area >= 0.3 * 112**2
    ]  # fmt: skip
    assert tiles.coords.tolist() == [list(corner) for corner in alone]


@given(st.integers(0, 60), st.integers(0, 60), st.integers(1, 90), st.integers(1, 90))
def test_the_share_of_a_rectangle_is_its_area(x, y, width, height) -> None:
    corners = np.array([[i, j] for j in range(0, 96, 3) for i in range(0, 96, 3)])
    share = region_share(box(x, y, x + width, y + height), corners, (3.0, 3.0))
    across = np.clip(np.minimum(corners[:, 0] + 3, x + width) - np.maximum(corners[:, 0], x), 0, 3)
    down = np.clip(np.minimum(corners[:, 1] + 3, y + height) - np.maximum(corners[:, 1], y), 0, 3)
    assert share == pytest.approx(across * down / 9, abs=1e-9)


def test_a_tile_outside_the_region_is_never_taken() -> None:
    assert len(_plan((900, 900), (0.25, 0.25), box(0, 0, 10, 10), min_region=0.0).coords) == 1
    assert len(_plan((900, 900), (0.25, 0.25), shapely.Polygon()).coords) == 0


def test_tissue_and_region_both_count() -> None:
    mask = np.zeros((9, 9), bool)
    mask[:, :5] = True
    tissue = Tissue(mask, (100.0, 100.0))
    left = _plan((900, 900), (0.25, 0.25), None, tissue, min_tissue=0.9)
    assert set(left.coords[:, 0].tolist()) == {0, 224}
    both = _plan((900, 900), (0.25, 0.25), box(0, 0, 900, 300), tissue)
    assert both.coords.tolist() == [[0, 0], [224, 0]]


def test_a_slide_smaller_than_a_tile_has_none() -> None:
    tiles = _plan((16, 16), (0.499, 0.499))
    assert tiles.coords.shape == (0, 2)
    assert read_tiles(None, tiles, 0, 4).shape == (0, 224, 224, 3)  # type: ignore[arg-type]


@pytest.mark.real
def test_the_real_pair_of_slide_and_annotation(real_data) -> None:
    """Against shapely, tile by tile, from the file's own numbers."""
    import json

    name = "CMU-1-Small-Region"
    annotation = real_data / "qupath" / f"{name}.derived_from_CMU-1.geojson"
    with open_slide(real_data / "slides" / f"{name}.svs") as slide:
        problems = Problems()
        region, _ = choose_region(
            read_regions(annotation, problems), include=["Tissue"], exclude=[],
            size_px=slide.size_px, problems=problems,
        )  # fmt: skip
        tiles = plan_tiles(slide, Grid(), region, None)
        pixels = read_tiles(slide, tiles, 0, 3)
    assert not problems.found
    (feature,) = json.loads(annotation.read_text())["features"]
    shape = shapely.from_geojson(json.dumps(feature["geometry"]))
    side = 224 * 0.25 / 0.499
    expected = []
    for row in range(int(2967 / side)):
        for column in range(int(2220 / side)):
            x, y = round(column * side), round(row * side)
            if shape.intersection(box(x, y, x + side, y + side)).area >= side * side / 2:
                expected.append([x, y])
    assert tiles.coords.tolist() == expected
    assert len(expected) == 159
    assert pixels.shape == (3, 224, 224, 3)
    assert pixels.mean() < 225  # tissue, not glass

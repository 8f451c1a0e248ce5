from __future__ import annotations

import numpy as np
import pytest
import shapely
from shapely.geometry import box

from data_modules.wsi.overview import draw_overview
from data_modules.wsi.tiles import Tiles


class White:
    size_px = (1000, 500)

    def thumbnail(self, longest_px: int) -> np.ndarray:
        return np.full((200, 400, 3), 255, np.uint8)


def _tiles(*corners: tuple[int, int], side: float = 100.0) -> Tiles:
    coords = np.array(corners, np.int64).reshape(-1, 2)
    return Tiles(coords, (side, side), 224, 0.25)


def test_tiles_and_outlines_stand_where_they_are_on_the_slide() -> None:
    hole = box(500, 100, 900, 400).difference(box(600, 200, 700, 300))
    picture = draw_overview(White(), hole, _tiles((100, 100), (200, 100)))  # type: ignore[arg-type]
    assert picture.shape == (200, 400, 3)
    yellow = (picture[..., 2] < 240) & (picture[..., 0] > 230)
    rows, columns = np.where(yellow)
    assert (rows.min(), columns.min()) == (41, 41)
    assert (rows.max(), columns.max()) == (78, 118)
    blue = (picture == (0, 92, 175)).all(-1)
    assert blue[40:160, 200].all()
    assert blue[100, 240]
    assert not blue[100, 300]


@pytest.mark.parametrize("region", [None, shapely.Polygon(), shapely.MultiPolygon()])
def test_nothing_to_draw_leaves_the_slide(region) -> None:
    picture = draw_overview(White(), region, _tiles())  # type: ignore[arg-type]
    assert (picture == 255).all()


def test_small_tiles_are_seen_without_a_border() -> None:
    picture = draw_overview(White(), None, _tiles((0, 0), (500, 0), side=3.0))  # type: ignore[arg-type]
    assert (picture[0, 0] != 255).any()
    assert (picture[0, 200] != 255).any()
    assert picture.min() > 100

from __future__ import annotations

import numpy as np
import pytest
from shapely.geometry import Point, box

from data_modules.wsi.tissue import Tissue, covered, find_tissue, tissue_mask, tissue_share

GLASS, TISSUE = (243, 242, 245), (196, 120, 180)


def _picture(noise: float = 3.0) -> tuple[np.ndarray, np.ndarray]:
    """A disc of tissue on glass."""
    y, x = np.ogrid[:200, :300]
    disc = (y - 100) ** 2 + (x - 150) ** 2 < 60**2
    pixels = np.where(disc[..., None], np.array(TISSUE), np.array(GLASS)).astype(float)
    pixels += np.random.default_rng(0).normal(0, noise, pixels.shape)
    return pixels.clip(0, 255).astype(np.uint8), disc


def _overlap(one: np.ndarray, two: np.ndarray) -> float:
    return (one & two).sum() / (one | two).sum()


def test_tissue_is_told_from_glass() -> None:
    pixels, disc = _picture()
    mask, notes = find_tissue(pixels)
    assert _overlap(mask, disc) > 0.99
    assert notes == ()


@pytest.mark.parametrize("colour", [(0, 0, 0), (20, 70, 200), (30, 150, 70), (215, 20, 30)])
def test_ink_and_padding_neither_count_nor_move_the_threshold(colour) -> None:
    pixels, disc = _picture()
    pixels[:30] = colour
    pixels[90:110, 150:] = colour
    mask, notes = find_tissue(pixels)
    expected = disc.copy()
    expected[90:110, 150:] = False
    assert _overlap(mask, expected) > 0.98
    assert "is ink or black" in notes[0]


@pytest.mark.parametrize(
    ("colour", "share", "words"),
    [(GLASS, 0.0, "nothing but glass"), (TISSUE, 1.0, "all is taken as tissue"),
     ((0, 0, 0), 0.0, "nothing but ink or black")],
)  # fmt: skip
@pytest.mark.parametrize("noise", [0.0, 2.0])
def test_pictures_of_one_thing(colour, share, words, noise) -> None:
    pixels = np.array(colour) + np.random.default_rng(0).normal(0, noise, (60, 60, 3))
    mask, notes = find_tissue(pixels.clip(0, 255).astype(np.uint8))
    assert mask.mean() == share
    assert words in notes[-1]


class Flat:
    """A slide of one picture."""

    def __init__(self, pixels: np.ndarray, mpp: float = 8.0) -> None:
        self.pixels, self.mpp = pixels, (mpp, mpp)
        self.size_px = (pixels.shape[1], pixels.shape[0])

    def thumbnail(self, longest_px: int) -> np.ndarray:
        assert longest_px == max(self.size_px)
        return self.pixels


def test_morphology_closes_gaps_and_removes_specks() -> None:
    pixels, disc = _picture(noise=0)
    pixels[98:102, 130:170] = GLASS  # a crack
    pixels[10:12, 10:12] = TISSUE  # dust
    otsu, smooth = (tissue_mask(Flat(pixels), name) for name in ("otsu", "morphological"))  # type: ignore[arg-type]
    assert otsu.mask[10, 10]
    assert not otsu.mask[100, 150]
    assert not smooth.mask[10, 10]
    assert smooth.mask[100, 150]
    assert _overlap(smooth.mask, disc) > 0.98
    assert otsu.px == (1.0, 1.0)


def test_the_share_of_a_rectangle_is_exact() -> None:
    rng = np.random.default_rng(0)
    mask = rng.random((13, 17)) < 0.4
    tissue = Tissue(mask, (7.0, 5.0))
    fine = np.kron(mask, np.ones((5, 7)))
    corners = rng.integers(0, 40, (50, 2)).astype(float)
    for (x, y), share in zip(
        corners.astype(int), covered(tissue, corners, (20.0, 15.0)), strict=True
    ):
        assert share == pytest.approx(fine[y : y + 15, x : x + 20].sum() / 300)
    assert covered(tissue, np.array([[500.0, 500.0]]), (9.0, 9.0)).tolist() == [0.0]


def test_the_share_of_a_region_follows_holes_and_islands() -> None:
    mask = np.zeros((100, 100), bool)
    mask[:, :50] = True
    tissue = Tissue(mask, (20.0, 10.0))
    assert tissue_share(tissue, box(0, 0, 2000, 1000)) == 0.5
    assert tissue_share(tissue, box(600, 100, 1400, 900)) == pytest.approx(0.5, abs=0.02)
    island = box(600, 400, 700, 600)
    ring = box(0, 0, 2000, 1000).difference(box(200, 100, 1000, 900))
    area = (1000 * 1000 - 800 * 800, 1000 * 1000)
    assert tissue_share(tissue, ring) == pytest.approx(area[0] / sum(area), abs=0.02)
    both = (area[0] + island.area) / (sum(area) + island.area)
    assert tissue_share(tissue, island.union(ring)) == pytest.approx(both, abs=0.02)
    assert tissue_share(tissue, Point(500, 500).buffer(3)) == 1.0


@pytest.mark.real
@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_tissue_of_a_real_slide_is_that_of_tiatoolbox(real_data) -> None:
    """Warnings are those of what it imports."""
    from tiatoolbox.tools.tissuemask import OtsuTissueMasker

    from data_modules.wsi.slide import open_slide

    with open_slide(real_data / "slides" / "CMU-1-Small-Region.svs") as slide:
        pixels = slide.thumbnail(400)
    ours, _ = find_tissue(pixels)
    theirs = OtsuTissueMasker().fit_transform([pixels])[0]
    assert 0.1 < theirs.mean() < 0.9
    assert (ours & theirs).sum() / (ours | theirs).sum() > 0.9


@pytest.mark.real
@pytest.mark.filterwarnings("error")
def test_a_slide_with_hardly_any_tissue(real_data) -> None:
    from data_modules.wsi.slide import open_slide

    with open_slide(real_data / "slides" / "luna_1065626_near_empty.svs") as slide:
        assert 0.003 < tissue_mask(slide, "otsu").mask.mean() < 0.02

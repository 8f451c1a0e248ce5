from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from data_modules.problems import BadInput
from data_modules.wsi.stain import MOST_PIXELS, Target, fit_stain, read_target, spread_over
from data_modules.wsi.stain_matrix import tissue_pixels
from data_modules.wsi.stain_reference import tiatoolbox_macenko
from experiments.benchmarks.stain import generated_tiles

METHODS = ("macenko", "vahadane", "reinhard")
every_method = pytest.mark.parametrize("name", METHODS)


@pytest.fixture(scope="module")
def tiles() -> np.ndarray:
    return generated_tiles(2)


@pytest.fixture(scope="module")
def pale(tiles) -> np.ndarray:
    """The same tissue, stained more faintly and more bluely."""
    return (255 * (tiles / 255.0) ** np.array([0.6, 0.45, 0.35])).astype(np.uint8)


def flat(tiles: np.ndarray) -> np.ndarray:
    return tiles.reshape(-1, 3)


@every_method
def test_tiles_take_the_targets_colours(tiles, pale, name) -> None:
    stain = fit_stain(flat(pale), name, Target(flat(tiles)))
    before, after = (
        np.abs(flat(one).mean(0) - flat(tiles).mean(0)).max() for one in (pale, stain.apply(pale))
    )
    assert before > 30
    assert after < before / 4


@every_method
def test_a_slide_that_is_its_own_target_stays(tiles, name) -> None:
    same = fit_stain(flat(tiles), name, Target(flat(tiles))).apply(tiles)
    # What two stains cannot explain, the noise, is lost; the rest must not move.
    assert np.abs(same.astype(int) - tiles).mean() < 3


@every_method
def test_fit_and_colours_are_the_same_every_time(pale, name) -> None:
    first, again = (fit_stain(flat(pale), name, Target()) for _ in range(2))
    assert first.header() == again.header()
    assert (first.apply(pale) == again.apply(pale)).all()


@every_method
def test_a_tile_looks_the_same_alone_and_in_company(tiles, name) -> None:
    stain = fit_stain(flat(tiles), name, Target())
    assert (stain.apply(tiles[:1]) == stain.apply(tiles)[:1]).all()


@every_method
def test_glass_is_not_stained(pale, name) -> None:
    glass = np.random.default_rng(0).normal(243, 1, (1, 64, 64, 3)).clip(0, 255).astype(np.uint8)
    stained = fit_stain(flat(pale), name, Target()).apply(glass)
    assert (stained >= glass).mean() > 0.95
    assert stained.mean() >= glass.mean() - 0.5


@every_method
@pytest.mark.parametrize(
    ("pixels", "reason"),
    [
        (np.zeros((0, 3), np.uint8), "0 tissue pixels, 2000 are needed"),
        (np.full((90_000, 3), 255, np.uint8), "0 tissue pixels"),
        (generated_tiles(1)[0, :40, :40].reshape(-1, 3), "tissue pixels, 2000 are needed"),
    ],
)
def test_slides_without_tissue_stay_and_say_so(name, pixels, reason, tiles) -> None:
    stain = fit_stain(pixels, name, Target())
    assert stain.header()["stain"].startswith("none: ")
    assert reason in stain.header()["stain"]
    assert (stain.apply(tiles) == tiles).all()


@pytest.mark.parametrize("colour", [(0, 0, 0), (128, 128, 128), (180, 90, 160)])
@pytest.mark.parametrize("name", ["macenko", "vahadane"])
def test_slides_of_one_colour_stay_and_say_so(name, colour, tiles) -> None:
    stain = fit_stain(np.tile(np.array(colour, np.uint8), (5000, 1)), name, Target())
    assert "one stain only" in stain.header()["stain"]
    assert (stain.apply(tiles) == tiles).all()


def test_none_does_nothing(tiles) -> None:
    stain = fit_stain(flat(tiles), "none", Target())
    assert stain.header() == {"stain": "none"}
    assert stain.apply(tiles) is tiles


def test_the_header_tells_both_fits(tiles) -> None:
    header = fit_stain(flat(tiles), "macenko", Target()).header()
    assert header["stain"] == "macenko"
    assert header["stain_towards"].endswith("at 1.970, 1.031")
    assert header["stain_fit"].startswith("H (0.")


def test_pixels_are_spread_evenly_and_in_step_with_no_column() -> None:
    places = spread_over(50 * MOST_PIXELS, MOST_PIXELS)
    assert len(np.unique(places)) == MOST_PIXELS
    assert places.max() < 50 * MOST_PIXELS
    columns = np.bincount(places % 224, minlength=224)
    assert columns.min() > 0.8 * MOST_PIXELS / 224


def test_targets_are_read(tmp_path, tiles) -> None:
    Image.fromarray(tiles[0]).save(tmp_path / "a.png")
    see_through = Image.fromarray(tiles[0]).convert("RGBA")
    see_through.putalpha(0)
    see_through.save(tmp_path / "b.png")
    read = read_target(tmp_path / "a.png").pixels
    assert read is not None
    assert (read == flat(tiles[0])).all()
    glass = read_target(tmp_path / "b.png").pixels
    assert glass is not None
    assert glass.min() == 255


def broken(folder: Path, kind: str) -> Path:
    path = folder / f"{kind}.png"
    if kind == "text":
        path.write_text("no image")
    elif kind == "truncated":
        Image.fromarray(generated_tiles(1)[0]).save(path)
        path.write_bytes(path.read_bytes()[:2000])
    elif kind == "sixteen bits":
        Image.fromarray(np.zeros((9, 9), np.uint16)).save(path)
    elif kind == "grey":
        Image.new("L", (9, 9)).save(path)
    return path


@pytest.mark.parametrize(
    ("kind", "found"),
    [
        ("absent", "not an image that can be read"),
        ("text", "not an image that can be read"),
        ("truncated", "not an image that can be read"),
        ("sixteen bits", "needs colours of 8 bits"),
        ("grey", "mode L"),
    ],
)
def test_what_is_no_target_is_refused(tmp_path, kind, found) -> None:
    with pytest.raises(BadInput, match=found):
        read_target(broken(tmp_path, kind))


@every_method
def test_a_target_without_tissue_is_refused(name, tiles) -> None:
    with pytest.raises(BadInput, match="choose an image of stained tissue"):
        fit_stain(flat(tiles), name, Target(np.full((9000, 3), 250, np.uint8)))


@pytest.mark.slow
def test_macenko_equals_tiatoolbox_on_the_same_pixels(tiles, pale) -> None:
    pytest.importorskip("tiatoolbox")
    target, pool = tissue_pixels(flat(tiles)), tissue_pixels(flat(pale))
    theirs = tiatoolbox_macenko(target)(pool[:, None])[:, 0]
    ours = fit_stain(pool, "macenko", Target(target)).apply(pool[None])[0]
    assert np.abs(pool.astype(int) - theirs).mean() > 20
    assert np.abs(ours.astype(int) - theirs).mean() < 1


@pytest.mark.real
@every_method
def test_real_patches_of_three_patients_come_closer_in_colour(real_data, name) -> None:
    before, after = [], []
    for folder in sorted((real_data / "patches").iterdir()):
        paths = sorted(folder.rglob("*.png"))
        tiles = np.stack([np.asarray(Image.open(path).convert("RGB")) for path in paths])
        assert tiles.shape == (8, 224, 224, 3)
        stain = fit_stain(flat(tiles), name, Target())
        assert "stain_fit" in stain.header()
        moved, tissue = stain.apply(tiles), tiles.mean(-1) < 200
        before.append(tiles[tissue].mean(0))
        after.append(moved[tissue].mean(0))
    assert len(before) == 3
    assert np.ptp(after, axis=0).sum() < np.ptp(before, axis=0).sum()

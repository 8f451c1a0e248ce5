from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from data_modules.problems import BadInput
from data_modules.wsi.stain import REFERENCE, Target, fit_stain, read_target
from data_modules.wsi.stain_matrix import optical_density

RNG = np.random.default_rng(0)
# As another laboratory stains: bluer, and weaker in eosin.
OTHER = np.array([[0.70, 0.62, 0.35], [0.10, 0.75, 0.65]])
OTHER /= np.linalg.norm(OTHER, axis=1, keepdims=True)


def _tissue(n: int = 20_000, vectors: np.ndarray = OTHER, strength: float = 1.4) -> np.ndarray:
    amounts = RNG.gamma(2.0, 0.25, (n, 2)) * [strength, 0.9]
    return (255 * np.exp(-amounts @ vectors)).astype(np.uint8)


def _image(pixels: np.ndarray) -> np.ndarray:
    return pixels[: 100 * 100].reshape(1, 100, 100, 3)


@pytest.mark.parametrize("name", ["macenko", "vahadane"])
def test_a_slide_takes_the_stains_of_the_reference(name) -> None:
    pixels = _tissue()
    stain = fit_stain(pixels, name, Target())
    moved = stain.apply(_image(pixels)).reshape(-1, 3)
    again = fit_stain(moved, name, Target())
    plane = np.linalg.pinv(REFERENCE.vectors) @ REFERENCE.vectors
    assert again.matrix == pytest.approx(plane, abs=0.12)
    # What is left of a colour outside the plane of the target's two stains is nothing.
    normal = np.cross(*REFERENCE.vectors)
    clear = (moved > 10).all(1) & (moved < 245).all(1)
    off = optical_density(moved[clear]) @ (normal / np.linalg.norm(normal))
    assert np.abs(off).mean() < 0.02
    assert stain.header()["stain"] == name
    assert stain.header()["stain_fit"].startswith("H (0.")


@pytest.mark.parametrize("name", ["macenko", "vahadane", "reinhard"])
def test_glass_stays_glass(name) -> None:
    stain = fit_stain(_tissue(), name, Target())
    glass = RNG.normal(246, 2, (1, 32, 32, 3)).clip(0, 255).astype(np.uint8)
    assert np.abs(stain.apply(glass).astype(int) - glass).mean() < 8
    assert (stain.apply(np.full((1, 4, 4, 3), 255, np.uint8)) >= 254).all()


@pytest.mark.parametrize("name", ["macenko", "vahadane", "reinhard"])
def test_the_same_pixels_give_the_same_stain_and_tiles_do_not_depend_on_others(name) -> None:
    pixels = _tissue()
    one, two = (fit_stain(pixels, name, Target()) for _ in range(2))
    assert one.header() == two.header()
    tiles = _tissue(3 * 64).reshape(3, 8, 8, 3)
    together = one.apply(tiles)
    assert together.dtype == np.uint8
    assert np.array_equal(together, np.concatenate([two.apply(tiles[i : i + 1]) for i in range(3)]))


@pytest.mark.parametrize("name", ["macenko", "vahadane", "reinhard"])
def test_a_target_image_is_its_own_normalisation(tmp_path, name) -> None:
    pixels = _tissue()
    Image.fromarray(pixels.reshape(100, 200, 3)).save(tmp_path / "target.png")
    target = read_target(tmp_path / "target.png")
    moved = fit_stain(pixels, name, target).apply(_image(pixels))
    assert np.abs(moved.astype(int) - _image(pixels)).mean() < 3


def test_reinhard_moves_mean_and_spread() -> None:
    pixels = _tissue()
    wanted = _tissue(vectors=REFERENCE.vectors)
    moved = fit_stain(pixels, "reinhard", Target(wanted)).apply(_image(pixels)).reshape(-1, 3)
    before, after = (np.abs(part.mean(0) - wanted.mean(0)).sum() for part in (pixels, moved))
    assert after < before / 2


ONE_STAIN = (255 * np.exp(-RNG.gamma(2, 0.3, (9000, 1)) * OTHER[:1])).astype(np.uint8)


@pytest.mark.parametrize(
    ("pixels", "words"),
    [
        (np.full((9000, 3), 248, np.uint8), "0 tissue pixels, 2000 are needed"),
        (_tissue(1500), "tissue pixels, 2000 are needed"),
        (ONE_STAIN, "stain"),
        (np.full((9000, 3), (150, 90, 140), np.uint8), "stain"),
        (np.repeat(RNG.integers(40, 180, (9000, 1)), 3, axis=1).astype(np.uint8), "stain"),
    ],
)
def test_where_stains_cannot_be_told_apart_nothing_is_done_and_said(pixels, words) -> None:
    stain = fit_stain(pixels, "macenko", Target())
    tiles = RNG.integers(0, 255, (2, 8, 8, 3), dtype=np.uint8)
    assert np.array_equal(stain.apply(tiles), tiles)
    assert stain.header()["stain"].startswith("none: ")
    assert words in stain.header()["stain"]


def test_none_is_none() -> None:
    tiles = RNG.integers(0, 255, (2, 8, 8, 3), dtype=np.uint8)
    stain = fit_stain(np.zeros((0, 3), np.uint8), "none", Target())
    assert stain.apply(tiles) is tiles
    assert stain.header() == {"stain": "none"}


@pytest.mark.parametrize("name", ["macenko", "reinhard"])
def test_a_target_without_tissue_is_refused(tmp_path, name) -> None:
    Image.new("RGB", (90, 90), "white").save(tmp_path / "white.png")
    with pytest.raises(BadInput, match="choose an image of stained tissue"):
        fit_stain(_tissue(), name, read_target(tmp_path / "white.png"))
    (tmp_path / "text.png").write_text("no image")
    with pytest.raises(BadInput, match="not an image"):
        read_target(tmp_path / "text.png")


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # tiatoolbox and what it imports have many
def test_macenko_is_that_of_tiatoolbox_when_fitted_on_the_same_pixels() -> None:
    from tiatoolbox.tools.stainnorm import MacenkoNormalizer

    source, target = (_tissue(10_000, v).reshape(100, 100, 3) for v in (OTHER, REFERENCE.vectors))
    theirs = MacenkoNormalizer()
    # Theirs stretches the contrast to look for tissue and loses the palest: here all is tissue.
    theirs.extractor._MacenkoExtractor__luminosity_threshold = 1.01
    theirs.fit(target)
    expected = theirs.transform(source.copy()).astype(int)
    pixels = source.reshape(-1, 3)
    ours = fit_stain(pixels, "macenko", Target(target.reshape(-1, 3)))
    found = ours.apply(source[None])[0].astype(int)
    assert np.abs(found - expected).mean() < 1.0


@pytest.mark.real
@pytest.mark.parametrize("name", ["macenko", "vahadane", "reinhard"])
def test_real_patches_of_three_patients_come_closer_in_colour(real_data, name) -> None:
    paths = sorted((real_data / "patches").rglob("*.png"))
    assert len(paths) == 24
    patients = sorted({path.relative_to(real_data / "patches").parts[0] for path in paths})
    before, after = [], []
    for patient in patients:
        own = [p for p in paths if patient in p.parts]
        tiles = np.stack([np.asarray(Image.open(p).convert("RGB")) for p in own])
        stain = fit_stain(tiles.reshape(-1, 3), name, Target())
        assert "stain_fit" in stain.header()
        moved = stain.apply(tiles)
        tissue = tiles.mean(-1) < 200
        before.append(tiles[tissue].mean(0))
        after.append(moved[tissue].mean(0))
    assert np.ptp(after, axis=0).sum() < np.ptp(before, axis=0).sum()

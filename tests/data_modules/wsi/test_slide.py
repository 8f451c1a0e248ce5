from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import openslide
import pytest
import tifffile
from PIL import Image

from data_modules.problems import BadInput
from data_modules.wsi.slide import Slide, content_digest, open_slide

RNG = np.random.default_rng(0)
WIDTH, HEIGHT = 640, 480


def _smooth(width: int = WIDTH, height: int = HEIGHT) -> np.ndarray:
    y, x = np.mgrid[:height, :width]
    waves = [128 + 100 * np.sin(x / a) * np.cos(y / b) for a, b in ((31, 23), (17, 41), (53, 29))]
    return np.stack(waves, axis=-1).astype(np.uint8)


def write_svs(path, pixels, *, mpp="0.5", levels=(1, 4)) -> None:
    """An Aperio slide, compressed without loss."""
    about = f"Aperio Image Library|AppMag = 20{f'|MPP = {mpp}' if mpp else ''}"
    with tifffile.TiffWriter(path) as writer:
        for down in levels:
            image = Image.fromarray(pixels)
            size = (pixels.shape[1] // down, pixels.shape[0] // down)
            level = np.asarray(image.resize(size, Image.Resampling.BOX))
            writer.write(
                level, tile=(256, 256), photometric="rgb", compression="zlib", metadata=None,
                description=about, software=False, resolutionunit="NONE" if mpp else None,
                subfiletype=int(down > 1),
            )  # fmt: skip


@pytest.fixture
def svs(tmp_path):  # noqa: ANN201
    write_svs(tmp_path / "a.svs", _smooth())
    return tmp_path / "a.svs"


def _other_library(slide: Slide, corner, extent, out) -> np.ndarray:
    """OpenSlide's level 0 and Pillow alone."""
    with openslide.OpenSlide(str(slide.path)) as other:
        whole = other.read_region((0, 0), 0, other.dimensions).convert("RGB")
    box = (*corner, corner[0] + extent[0], corner[1] + extent[1])
    return np.asarray(whole.resize((out, out), Image.Resampling.BICUBIC, box=box))


def test_what_a_slide_says_of_itself(svs) -> None:
    with open_slide(svs) as slide:
        assert slide.size_px == (WIDTH, HEIGHT)
        assert slide.mpp == (0.5, 0.5)
        assert slide.downsamples == (1.0, 4.0)
        assert slide.objective == 20.0
        assert slide.vendor == "aperio"


@pytest.mark.parametrize(
    ("corner", "extent"),
    [((100, 60), (112.0, 112.0)), ((7, 300), (110.88, 110.88)), ((0, 0), (224.0, 224.0)),
     ((300, 100), (112.0, 90.5)), ((0, 0), (112.0, 112.0)), ((528, 368), (112.0, 112.0))],
)  # fmt: skip
def test_tiles_are_resampled_once_as_openslide_and_pillow_would(svs, corner, extent) -> None:
    with open_slide(svs) as slide:
        found = slide.read(corner, extent, 224).astype(int)
        expected = _other_library(slide, corner, extent, 224)
    assert np.abs(found - expected).max() <= 1


def test_pixels_of_the_right_scale_are_not_touched(svs) -> None:
    with open_slide(svs) as slide:
        assert np.array_equal(slide.read((5, 9), (64.0, 64.0), 64), _smooth()[9:73, 5:69])


def test_a_coarser_level_is_read_where_it_is_fine_enough(svs) -> None:
    with open_slide(svs) as slide:
        read = []
        backend = slide._backend
        whole = backend.read
        backend.read = lambda level, *rest: read.append(level) or whole(level, *rest)  # type: ignore[method-assign]
        slide.read((0, 0), (400.0, 400.0), 100)
        slide.read((0, 0), (396.0, 396.0), 100)  # 1 % finer than the level: within tolerance
        slide.read((0, 0), (360.0, 360.0), 100)
        assert read == [1, 1, 0]


def test_outside_is_white(svs) -> None:
    with open_slide(svs) as slide:
        tile = slide.read((WIDTH - 10, 0), (20.0, 20.0), 20)
        assert (tile[:, 10:] == 255).all()
        assert np.array_equal(tile[:, :10], _smooth()[:20, -10:])
        assert (slide.read((5000, 5000), (50.0, 50.0), 8) == 255).all()


def test_threads_read_what_one_reads(svs) -> None:
    with open_slide(svs) as slide:
        places = [(int(x), int(y)) for x, y in RNG.integers(0, 400, (60, 2))]
        one = [slide.read(place, (80.3, 80.3), 64) for place in places]
        with ThreadPoolExecutor(4) as pool:
            many = list(pool.map(lambda place: slide.read(place, (80.3, 80.3), 64), places))
    assert all(np.array_equal(a, b) for a, b in zip(one, many, strict=True))


@pytest.mark.parametrize("block", [1_000, 4_000_000])
def test_a_thumbnail_does_not_depend_on_the_blocks_it_is_read_in(svs, monkeypatch, block) -> None:
    monkeypatch.setattr("data_modules.wsi.slide.BLOCK_PX", block)
    with open_slide(svs) as slide:
        thumbnail = slide.thumbnail(128)
        expected = Image.fromarray(_smooth()).resize((128, 96), Image.Resampling.BOX)
        assert thumbnail.shape == (96, 128, 3)
        assert np.abs(thumbnail.astype(int) - np.asarray(expected)).mean() < 2
        assert slide.thumbnail(10_000).shape == (HEIGHT, WIDTH, 3)


@pytest.mark.parametrize(
    ("mpp", "given", "words"),
    [
        ("", None, "does not say how many µm a pixel is: give it with --mpp"),
        ("352", None, "352 × 352 µm per pixel cannot be: give it with --mpp"),
        ("0.001", None, "cannot be"),
        ("352", 90.0, "90 × 90 µm per pixel cannot be"),
    ],
)
def test_a_scale_that_is_missing_or_impossible_is_refused(tmp_path, mpp, given, words) -> None:
    write_svs(tmp_path / "a.svs", _smooth(), mpp=mpp)
    with pytest.raises(BadInput) as error:
        open_slide(tmp_path / "a.svs", mpp=given)
    assert words in str(error.value)


@pytest.mark.parametrize(
    ("mpp", "taken", "note"),
    [
        ("", 0.25, "the file does not say how many µm a pixel is: --mpp 0.25 is taken"),
        ("352", 0.25, "352 × 352 µm per pixel cannot be: --mpp 0.25 is taken"),
        ("0.5", 0.5, ""),
    ],
)
def test_a_scale_that_is_given_counts_where_the_file_has_none(tmp_path, mpp, taken, note) -> None:
    write_svs(tmp_path / "a.svs", _smooth(), mpp=mpp)
    with open_slide(tmp_path / "a.svs", mpp=0.25) as slide:
        assert slide.mpp == (taken, taken)
        assert (slide.mpp_given, slide.notes) == (bool(note), (note,) if note else ())


@pytest.mark.parametrize(
    ("content", "words"),
    [(None, "no such file"), (b"", "the file is empty"), (b"not a slide", "OpenSlide: "),
     (b"II*\0\x08\0\0\0", "Tiatoolbox: ")],
)  # fmt: skip
def test_what_is_no_slide_is_refused(tmp_path, content, words, monkeypatch) -> None:
    from data_modules.wsi import backends

    class Nothing:
        def __init__(self, path) -> None:
            raise ValueError("knows no such format")

    # The real one takes 18 s to import; test_backends.py has it.
    Nothing.__name__ = "WithTiatoolbox"
    monkeypatch.setattr(backends, "WithTiatoolbox", Nothing)
    path = tmp_path / "a.svs"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(BadInput) as error:
        open_slide(path)
    assert words in str(error.value)


def test_a_truncated_slide_is_refused_where_it_ends(tmp_path) -> None:
    noise = RNG.integers(0, 255, (2000, 2000, 3), dtype=np.uint8)
    write_svs(tmp_path / "a.svs", noise, levels=(1,))
    whole = (tmp_path / "a.svs").read_bytes()
    with open_slide(tmp_path / "a.svs") as slide:
        slide.read((1900, 1900), (64.0, 64.0), 64)
    holed = bytearray(whole)
    holed[len(whole) // 2 : len(whole) // 2 + 400_000] = bytes(400_000)
    (tmp_path / "b.svs").write_bytes(holed)
    with (
        open_slide(tmp_path / "b.svs") as slide,
        pytest.raises(BadInput, match="cannot be read at"),
    ):
        slide.thumbnail(500)


def test_a_replaced_slide_has_another_digest(tmp_path) -> None:
    path = tmp_path / "a"
    path.write_bytes(bytes(1_000_000))
    first = content_digest(path)
    assert content_digest(path) == first
    path.write_bytes(bytes(999_999) + b"1")
    assert content_digest(path) != first
    path.write_bytes(bytes(1_000_001))
    assert content_digest(path) != first


@pytest.mark.real
@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("TCGA-CR-7395-01A-01-TS1.svs", "--mpp"),
        ("pathml_small_HE_levels.tiff", "352.858 × 352.858"),
    ],
)
def test_real_slides_without_a_scale(real_data, name, words) -> None:
    with pytest.raises(BadInput) as error:
        open_slide(real_data / "slides" / name)
    assert words in str(error.value)
    with open_slide(real_data / "slides" / name, mpp=0.25) as slide:
        assert slide.thumbnail(64).shape[2] == 3

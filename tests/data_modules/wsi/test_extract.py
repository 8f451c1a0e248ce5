from __future__ import annotations

import errno
import json
import os
from dataclasses import replace
from typing import Any

import h5py
import numpy as np
import pytest
from PIL import Image

from data_modules.features.check import Rules, check_slide
from data_modules.features.store import read_slide
from data_modules.problems import BadInput, Problems
from data_modules.wsi import extract as extraction
from data_modules.wsi.extract import AHEAD, batches, extract
from data_modules.wsi.lock import slide_lock
from data_modules.wsi.plan import plan_slide
from data_modules.wsi.recipe import Recipe
from data_modules.wsi.rows import Rows, rows_of
from data_modules.wsi.slide import open_slide
from data_modules.wsi.stain import Target, fit_stain
from experiments.benchmarks.pyramid import write_pyramid


class StopError(Exception):
    """Stands for a kill."""


def stopped_after(encoder, count: int) -> Any:
    class Stopped(type(encoder)):  # type: ignore[misc]
        def encode(self, tiles):  # noqa: ANN202
            if len(self.batches) == count:
                raise StopError
            return super().encode(tiles)

    return Stopped()


def test_features_are_those_of_a_plain_loop(make_task, recipe, encoder) -> None:
    task = make_task()
    done = extract(task, recipe, encoder, batch_size=7, workers=2)
    with open_slide(task.path) as slide, h5py.File(task.target) as file:
        side = 224 * 0.25 / 0.5
        corners = [(x * side, y * side) for y in range(5) for x in range(5)]
        np.testing.assert_array_equal(file["coords"][:], np.asarray(corners))
        plain = [slide.read((int(x), int(y)), (side, side), 224).mean((0, 1)) for x, y in corners]
        np.testing.assert_allclose(file["features"][:], plain, atol=1e-4)
    assert (done.outcome, done.tiles, done.computed) == ("written", 25, 25)
    assert encoder.batches == [7, 7, 7, 4]
    assert np.ptp([colour.sum() for colour in plain]) > 10


def test_a_run_reads_the_bag_and_its_making(make_task, recipe, encoder) -> None:
    task = make_task()
    extract(task, recipe, encoder)
    problems = Problems()
    slide = check_slide(task.target, Rules(width=3), problems)
    problems.raise_if_any()
    assert slide is not None
    features, coords = read_slide(slide)
    assert features.dtype == np.float32
    assert coords.max() == 4 * 112
    made = slide.provenance
    assert (made.tool, made.encoder, made.mpp, made.patch_um) == ("mmsurv", "mean", 0.5, 56)
    assert (made.patch_px, made.patch_px_level0, made.magnification) == (224, 112, 40)
    assert not made.random_weights
    picture = np.asarray(Image.open(task.overview))
    assert picture.ndim == 3


@pytest.mark.parametrize("workers", [0, 1])
def test_what_a_kill_left_is_not_done_again(make_task, recipe, encoder, workers) -> None:
    task = make_task()
    extract(task, recipe, encoder, batch_size=4, workers=workers)
    whole = task.target.read_bytes()
    task.target.unlink()
    with pytest.raises(StopError):
        extract(task, recipe, stopped_after(encoder, 3), batch_size=4, workers=workers)
    assert not task.target.exists()
    encoder.batches.clear()
    done = extract(task, recipe, encoder, batch_size=4, workers=workers)
    assert encoder.batches == [4, 4, 4, 1]
    assert (done.outcome, done.computed) == ("written", 13)
    assert "went on after 12 tiles" in done.notes
    assert task.target.read_bytes() == whole
    assert not rows_of(task.target).exists()


def test_what_is_there_is_not_done_again(make_task, recipe, encoder) -> None:
    task = make_task()
    first = extract(task, recipe, encoder)
    encoder.batches.clear()
    task.overview.unlink()
    again = extract(task, recipe, encoder)
    assert encoder.batches == []
    assert (again.outcome, again.tiles, again.computed) == ("was there", first.tiles, 0)
    assert again.header["slide_digest"] == first.header["slide_digest"]
    assert task.overview.exists()


def test_a_slide_replaced_between_two_runs_is_done_anew(make_task, recipe, encoder) -> None:
    task = make_task()
    before = extract(task, recipe, encoder)
    write_pyramid(task.path, 600, radius=0.05, mpp=0.5, downsamples=(1, 4))
    done = extract(task, recipe, encoder)
    assert done.outcome == "anew"
    assert done.notes[-1] == "the slide has changed since the bag was written"
    assert done.header["slide_digest"] != before.header["slide_digest"]


def test_rows_of_a_replaced_slide_are_thrown_away(make_task, recipe, encoder) -> None:
    task = make_task()
    with pytest.raises(StopError):
        extract(task, recipe, stopped_after(encoder, 1), batch_size=4)
    write_pyramid(task.path, 600, radius=0.05, mpp=0.5, downsamples=(1, 4))
    done = extract(task, recipe, encoder, batch_size=4)
    assert done.computed == done.tiles
    assert "an earlier state of the slide" in done.notes[-1]


def test_a_slide_replaced_while_it_is_read_is_refused(make_task, recipe, encoder) -> None:
    task = make_task()

    class Replacing(type(encoder)):  # type: ignore[misc]
        def encode(self, tiles):  # noqa: ANN202
            os.utime(task.path, ns=(1, 1))
            return super().encode(tiles)

    with pytest.raises(BadInput, match="was replaced while it was read"):
        extract(task, recipe, Replacing())
    assert not task.target.exists()


def test_another_recipe_is_another_bag(make_task, recipe, encoder) -> None:
    task = make_task()
    extract(task, recipe, encoder)
    done = extract(task, Recipe("mean", stain="macenko", tissue="none"), encoder)
    assert done.notes[-1] == "the recipe has changed since the bag was written"


def test_another_scale_is_another_bag(make_task, recipe, encoder) -> None:
    task = make_task()
    assert extract(task, replace(recipe, mpp=0.25), encoder).header["mpp"] == 0.5
    assert extract(task, recipe, encoder).outcome == "was there"
    write_pyramid(task.path, 600, mpp=352, downsamples=(1, 4))
    done = extract(task, replace(recipe, mpp=0.5), encoder)
    assert (done.header["mpp"], done.header["mpp_given"]) == (0.5, 0.5)
    assert extract(task, replace(recipe, mpp=0.5), encoder).outcome == "was there"
    done = extract(task, replace(recipe, mpp=0.25), encoder)
    assert done.notes[-1] == "the mpp given has changed since the bag was written"


def test_the_header_says_how_tiles_of_another_tool_were_read(
    make_task, recipe, encoder, tmp_path
) -> None:
    path = tmp_path / "A_patches.h5"
    with h5py.File(path, "w") as file:
        file["coords"] = np.array([[112, 0], [0, 224]])
        file["coords"].attrs.update({"patch_size": 256, "patch_size_level0": 256})
    task = make_task()._replace(coords=path)
    header = extract(task, replace(recipe, coords=True), encoder).header
    assert (header["tile_px"], header["tile_mpp"]) == (224, pytest.approx(256 * 0.5 / 224))


def test_a_slide_that_another_process_does_is_refused(make_task, recipe, encoder) -> None:
    task = make_task()
    with slide_lock(task.target), pytest.raises(BadInput, match="another process"):
        extract(task, recipe, encoder)
    assert extract(task, recipe, encoder).outcome == "written"
    # Nothing is left behind, and what is there needs no lock.
    assert {path.name for path in task.target.parent.iterdir()} == {"A.h5", "overviews"}


@pytest.mark.parametrize("mpp", [0.5, 352])
def test_a_refused_slide_is_drawn_with_what_is_annotated(make_task, recipe, encoder, mpp) -> None:
    task = make_task()
    write_pyramid(task.path, 600, radius=0.3, mpp=mpp, downsamples=(1, 4))
    corners = [[500, 500], [1100, 500], [1100, 1100], [500, 500]]
    task = task._replace(annotation=task.path.with_suffix(".json"))
    task.annotation.write_text(json.dumps({"type": "Polygon", "coordinates": [corners]}))
    with pytest.raises(BadInput, match=r"lies on the slide|give it with --mpp"):
        extract(task, recipe, encoder)
    picture = np.asarray(Image.open(task.overview)).astype(int)
    assert ((picture[..., 2] - picture[..., 0]) > 100).sum() > 50


def test_a_refused_slide_leaves_the_picture_of_its_bag(make_task, recipe, encoder) -> None:
    task = make_task()
    extract(task, recipe, encoder)
    before = task.overview.read_bytes()
    write_pyramid(task.path, 600, mpp=352, downsamples=(1, 4))
    with pytest.raises(BadInput):
        extract(task, recipe, encoder)
    assert task.overview.read_bytes() == before


def test_a_slide_that_may_not_be_read_is_refused(make_task, recipe, encoder, monkeypatch) -> None:
    def forbidden(path, *, mpp) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(extraction, "open_slide", forbidden)
    with pytest.raises(BadInput, match=r"cannot be read: .*Permission denied"):
        extract(make_task(), recipe, encoder)


def test_a_broken_bag_is_written_again(make_task, recipe, encoder) -> None:
    task = make_task()
    extract(task, recipe, encoder)
    task.target.write_bytes(task.target.read_bytes()[:1000])
    assert extract(task, recipe, encoder).outcome == "anew"


def test_a_full_disk_is_no_fault_of_the_slide(make_task, recipe, encoder, monkeypatch) -> None:
    def full(self, rows) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Rows, "add", full)
    with pytest.raises(OSError, match="No space left"):
        extract(make_task(), recipe, encoder)


def test_no_more_is_read_ahead_than_a_few_batches(make_task, recipe, monkeypatch) -> None:
    task, read = make_task(), []
    original = extraction.read_tiles

    def counted(slide, tiles, start: int, stop: int) -> np.ndarray:
        read.append(start)
        return original(slide, tiles, start, stop)

    monkeypatch.setattr(extraction, "read_tiles", counted)
    none = fit_stain(np.zeros((0, 3), np.uint8), "none", Target())
    with open_slide(task.path) as slide:
        tiles = plan_slide(task, recipe, slide, 224).tiles
        stream = batches(slide, tiles, none, first=0, size=1, workers=2)
        for taken in range(1, 10):
            next(stream)
            assert len(read) <= taken + 2 + AHEAD
        stream.close()  # type: ignore[attr-defined]


@pytest.mark.parametrize("workers", [0, 1, 3])
def test_readers_keep_the_order(make_task, recipe, workers) -> None:
    task = make_task()
    none = fit_stain(np.zeros((0, 3), np.uint8), "none", Target())
    with open_slide(task.path) as slide:
        tiles = plan_slide(task, recipe, slide, 224).tiles
        got = list(batches(slide, tiles, none, first=8, size=4, workers=workers))
        expected = extraction.read_tiles(slide, tiles, 8, len(tiles.coords))
    np.testing.assert_array_equal(np.concatenate(got), expected)

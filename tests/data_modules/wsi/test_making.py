from __future__ import annotations

import h5py
import numpy as np
import pytest

from data_modules.problems import BadInput
from data_modules.wsi.making import (
    MADE_OF,
    Found,
    check_unchanged,
    find_bag,
    geometry,
    made_of,
    state_of,
)
from data_modules.wsi.slide import open_slide
from data_modules.wsi.tiles import Tiles


def test_a_slide_says_what_its_bag_is_made_of(make_task, tmp_path) -> None:
    task = make_task()
    (tmp_path / "A.json").write_text("[]")
    with open_slide(task.path, mpp=3.0) as slide:
        plain = made_of(task, slide, {"encoder": "a"})
        assert set(plain) == {"slide_digest", "recipe"}
        drawn = made_of(task._replace(annotation=tmp_path / "A.json"), slide, {"encoder": "a"})
        assert set(drawn) == {*plain, "annotation_digest"}
        assert made_of(task, slide, {"encoder": "b"})["recipe"] != plain["recipe"]
        assert made_of(task, slide, {"encoder": "a", "torch": "9"}) == plain


@pytest.mark.parametrize("name", MADE_OF)
def test_whatever_a_bag_is_made_of_makes_another_bag(tmp_path, name) -> None:
    made = dict.fromkeys(MADE_OF, "a")
    path = tmp_path / "A.h5"
    assert find_bag(path, made) == ""
    with h5py.File(path, "w") as file:
        file["features"] = np.zeros((3, 2))
        file.attrs.update(made)
    assert find_bag(path, made) == Found(3, made)
    told = f"the {MADE_OF[name]} has changed since the bag was written"
    assert find_bag(path, {**made, name: "b"}) == told
    assert find_bag(path, {one: "a" for one in made if one != name}) == told
    path.write_bytes(b"")
    assert find_bag(path, made) == "the bag that was there could not be read"


def test_a_file_that_changes_is_seen(tmp_path) -> None:
    path = tmp_path / "a"
    assert state_of(path) is None
    path.write_bytes(b"1")
    state = state_of(path)
    check_unchanged(path, state)
    path.write_bytes(b"12")
    with pytest.raises(BadInput, match="was replaced while it was read"):
        check_unchanged(path, state)


def test_sizes_are_those_that_were_read(make_task) -> None:
    tiles = Tiles(np.zeros((1, 2), np.int64), (256.0, 256.0), 128, 1.0)
    with open_slide(make_task().path) as slide:
        found = geometry(slide, tiles)
    assert (found["mpp"], found["tile_px"], found["tile_mpp"]) == (0.5, 128, 1.0)
    assert (found["patch_px_level0"], found["patch_um"]) == (256, 128)

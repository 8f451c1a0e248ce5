from __future__ import annotations

import h5py
import numpy as np
import pytest

from data_modules.problems import Problems
from data_modules.wsi.coords import read_coords


class Sheet:
    size_px = (1000, 800)
    mpp = (0.5, 0.5)
    downsamples = (1.0, 4.0)


PLACES = np.array([[0, 0], [112, 0], [700, 500]])


def _read(tmp_path, coords=PLACES, **about):  # noqa: ANN202
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        file["coords"] = coords
        file["coords"].attrs.update(about)
    problems = Problems()
    tiles = read_coords(path, Sheet(), problems)  # type: ignore[arg-type]
    return tiles, " ".join(map(str, problems.found))


@pytest.mark.parametrize(
    ("about", "extent", "mpp"),
    [
        ({"patch_size": 224, "patch_size_level0": 112, "target_magnification": 40}, 112, 0.25),
        ({"patch_size": 256, "patch_level": 0}, 256, 0.5),
        ({"patch_size": 64, "patch_level": 1}, 256, 2.0),
        ({"patch_size": 64, "downsample": 2.0}, 128, 1.0),
    ],
)
def test_sizes_as_trident_and_clam_say_them(tmp_path, about, extent, mpp) -> None:
    tiles, found = _read(tmp_path, **about)
    assert found == ""
    assert tiles.coords.tolist() == PLACES.tolist()
    assert tiles.extent_px == (extent, extent)
    assert (tiles.tile_px, tiles.mpp) == (about["patch_size"], pytest.approx(mpp))


@pytest.mark.parametrize(
    ("coords", "about", "words"),
    [
        (PLACES, {}, "do not say patch_size"),
        (PLACES, {"patch_size": 224, "patch_level": 7}, "do not say patch_size"),
        (PLACES + 900, {"patch_size": 224, "patch_level": 0}, "of 3 patches lie off the slide"),
        (PLACES - 1, {"patch_size": 224, "patch_level": 0}, "2 of 3 patches lie off"),
        (PLACES[0], {"patch_size": 224}, "not (n, 2) numbers"),
        (PLACES.astype("S4"), {"patch_size": 224}, "not (n, 2) numbers"),
    ],
)
def test_coordinates_that_cannot_be_used_are_refused(tmp_path, coords, about, words) -> None:
    tiles, found = _read(tmp_path, coords, **about)
    assert words in found
    assert len(tiles.coords) == 0


def test_a_file_without_coordinates(tmp_path) -> None:
    problems = Problems()
    (tmp_path / "a.h5").write_bytes(b"nothing")
    read_coords(tmp_path / "a.h5", Sheet(), problems)  # type: ignore[arg-type]
    with h5py.File(tmp_path / "b.h5", "w") as file:
        file["features"] = np.zeros(3)
    read_coords(tmp_path / "b.h5", Sheet(), problems)  # type: ignore[arg-type]
    assert len(problems.found) == 2

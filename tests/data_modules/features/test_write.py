from __future__ import annotations

import h5py
import numpy as np
import pytest

from data_modules.features.write import write_bag

FEATURES = np.arange(12, dtype=np.float32).reshape(3, 4)
COORDS = np.array([[0, 224], [224, 0], [448, 224]])
ABOUT = {
    "encoder": "uni_v1", "mpp": 0.25, "patch_px": 256.0, "patch_px_level0": 512,
    "magnification": 20, "level0_magnification": 40, "overlap_px": 0, "patch_level": 1,
}  # fmt: skip


def test_a_failed_write_leaves_the_old_bag(tmp_path) -> None:
    path = tmp_path / "P.h5"
    write_bag(path, FEATURES, COORDS, {})
    before = path.read_bytes()
    with pytest.raises(TypeError):
        write_bag(path, FEATURES + 1, COORDS, {"bad": {"not": "storable"}})  # type: ignore[dict-item]
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["P.h5"]


def test_trident_reads_what_we_write(tmp_path) -> None:
    """As TRIDENT reads a bag to encode its slide, and to draw its patches."""
    write_bag(tmp_path / "P.h5", FEATURES, COORDS, ABOUT)
    with h5py.File(tmp_path / "P.h5") as file:
        coords, features = file["coords"][:], file["features"][:]
        attributes = dict(file["coords"].attrs)
        encoder, name = file["features"].attrs["encoder"], file["features"].attrs["name"]
    assert features.tolist() == FEATURES.tolist()
    assert coords.tolist() == COORDS.tolist()
    assert (encoder, name, attributes["name"]) == ("uni_v1", "P", "P")
    needed = ("patch_size", "level0_magnification", "target_magnification")
    assert [attributes[key] for key in needed] == [256, 40, 20]
    assert int(attributes["patch_size_level0"]) == 512
    assert int(attributes.get("overlap", 0)) == 0


def test_clam_reads_what_we_write(tmp_path) -> None:
    """As CLAM reads a bag to train on, and coordinates to cut patches."""
    write_bag(tmp_path / "P.h5", FEATURES, COORDS, ABOUT)
    with h5py.File(tmp_path / "P.h5", "r") as file:
        features, coords = file["features"][:], file["coords"][:]
        level = file["coords"].attrs["patch_level"]
        size = file["coords"].attrs["patch_size"]
        length = len(file["coords"])
    assert features.dtype == np.float32
    assert (length, level, (size, size)) == (3, 1, (256, 256))
    assert isinstance(size, np.integer), "a region of the slide is read with whole numbers"
    assert coords[0].tolist() == [0, 224]


def test_nothing_is_made_up_for_others(tmp_path) -> None:
    write_bag(tmp_path / "P.h5", FEATURES, None, {"mpp": 0.25})
    with h5py.File(tmp_path / "P.h5") as file:
        assert list(file) == ["features"]
        assert dict(file["features"].attrs) == {"name": "P"}

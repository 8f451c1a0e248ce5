"""One bag, written by every tool as that tool writes it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import h5py
import numpy as np
import pytest
import torch

from data_modules.features.check import Rules
from data_modules.features.write import write_bag

# Level-0 px, and multiples of 4 so that every unit below is exact.
COORDS = np.array([[0, 1024], [1024, 0], [2048, 1024], [3072, 4096]], dtype=np.int64)


def _features(dtype: str) -> np.ndarray:
    return np.random.default_rng(0).normal(size=(4, 6)).astype(dtype)


def _own(path: Path, features: np.ndarray, coords: np.ndarray) -> Path:
    write_bag(path.with_suffix(".h5"), features, coords, {"encoder": "uni", "mpp": 0.25})
    return path.with_suffix(".h5")


def _trident(path: Path, features: np.ndarray, coords: np.ndarray) -> Path:
    about = {
        "patch_size": 512, "patch_size_level0": 1024, "level0_magnification": 40,
        "target_magnification": 20, "overlap": 0, "name": path.name, "savetodir": "/somewhere",
        "level0_width": 9000, "level0_height": 9000,
    }  # fmt: skip
    with h5py.File(path.with_suffix(".h5"), "w") as file:
        for name, values in (("features", features), ("coords", coords)):
            file.create_dataset(
                name, data=values, maxshape=(None, *values.shape[1:]), chunks=(1, *values.shape[1:])
            )
        file["features"].attrs.update({"name": path.name, "savetodir": "/x", "encoder": "uni"})
        file["coords"].attrs.update(about)
    return path.with_suffix(".h5")


def _clam(path: Path, features: np.ndarray, coords: np.ndarray) -> Path:
    with h5py.File(path.with_suffix(".h5"), "w") as file:
        for name, values in (("features", features), ("coords", coords.astype(np.int32))):
            file.create_dataset(
                name, data=values[:3], maxshape=(None, values.shape[1]), chunks=(2, values.shape[1])
            )
            file[name].resize(len(values), axis=0)
            file[name][3:] = values[3:]
    return path.with_suffix(".h5")


def _stamp(path: Path, features: np.ndarray, coords: np.ndarray, **about: object) -> Path:
    with h5py.File(path.with_suffix(".h5"), "w") as file:
        file["coords"] = (coords * 0.25).astype(np.float32)
        file["feats"] = features
        file.attrs.update({"unit": "um", "extractor": "uni", "stamp_version": "2.4.0"})
        file.attrs.update(about or {"tile_size_um": 256.0, "tile_size_px": 224})
    return path.with_suffix(".h5")


def _stamp_2_0(path: Path, features: np.ndarray, coords: np.ndarray) -> Path:
    return _stamp(path, features, coords, tile_size=256.0)


def _stamp_historic(path: Path, features: np.ndarray, coords: np.ndarray) -> Path:
    with h5py.File(path.with_suffix(".h5"), "w") as file:
        file["coords"] = (coords * 0.25 / 256 * 224).astype(np.int64)
        file["feats"] = features
    return path.with_suffix(".h5")


def _tiatoolbox(path: Path, features: np.ndarray, coords: np.ndarray) -> Path:
    zarr = pytest.importorskip("zarr")
    group = zarr.open_group(str(path.with_suffix(".zarr")), mode="w")
    halved = coords // 2
    group.create_array("features", data=features, chunks=features.shape)
    group.create_array("coordinates", data=np.hstack([halved, halved + 512]))
    return path.with_suffix(".zarr")


def _safetensors(path: Path, features: np.ndarray, coords: np.ndarray) -> Path:
    from safetensors.numpy import save_file

    save_file({"features": features, "coords": coords}, path.with_suffix(".safetensors"))
    return path.with_suffix(".safetensors")


def _pt_dict(path: Path, features: np.ndarray, coords: np.ndarray) -> Path:
    both = {"features": torch.from_numpy(features), "coords": torch.from_numpy(coords)}
    torch.save(both, path.with_suffix(".pt"))
    return path.with_suffix(".pt")


def _pt_bare(path: Path, features: np.ndarray, coords: np.ndarray) -> Path:
    torch.save(torch.from_numpy(features), path.with_suffix(".pt"))
    return path.with_suffix(".pt")


def _pt_old(path: Path, features: np.ndarray, coords: np.ndarray) -> Path:
    torch.save(
        torch.from_numpy(features), path.with_suffix(".pt"), _use_new_zipfile_serialization=False
    )
    return path.with_suffix(".pt")


def _trident_pt(path: Path, features: np.ndarray, coords: np.ndarray) -> Path:
    torch.save(features, path.with_suffix(".pt"))
    return path.with_suffix(".pt")


def _mmp(path: Path, features: np.ndarray, coords: np.ndarray) -> Path:
    with h5py.File(path.with_suffix(".h5"), "w") as file:
        file["features"] = features[None]
    return path.with_suffix(".h5")


class Way(NamedTuple):
    """How a tool writes a bag, and what the manifest has to say of it."""

    write: Callable[[Path, np.ndarray, np.ndarray], Path]
    rules: Rules
    layout: str

    def has_places(self) -> bool:
        return self.rules.coords != "ignore"


MPP, NO_PLACE = Rules(mpp=0.25), Rules(coords="ignore")
WAYS = {
    "own": Way(_own, Rules(), "mmsurv h5"),
    "trident": Way(_trident, Rules(), "TRIDENT h5"),
    "clam": Way(_clam, Rules(), "CLAM h5"),
    "stamp": Way(_stamp, MPP, "STAMP h5"),
    "stamp 2.0": Way(_stamp_2_0, MPP, "STAMP h5"),
    "stamp historic": Way(_stamp_historic, MPP, "STAMP h5"),
    "tiatoolbox": Way(_tiatoolbox, Rules(mpp=0.25, coords_mpp=0.5), "tiatoolbox zarr"),
    "safetensors": Way(_safetensors, Rules(), "safetensors"),
    "pt dict": Way(_pt_dict, Rules(), "pt"),
    "pt bare": Way(_pt_bare, NO_PLACE, "pt"),
    "pt before torch 1.6": Way(_pt_old, NO_PLACE, "pt"),
    "trident pt": Way(_trident_pt, NO_PLACE, "pt"),
    "mmp": Way(_mmp, NO_PLACE, "h5"),
}


@pytest.fixture(params=WAYS)
def way(request) -> Way:
    """Every format, one after the other."""
    return WAYS[request.param]


@pytest.fixture
def ways() -> dict[str, Way]:
    """Every format, by name."""
    return WAYS


@pytest.fixture
def coords() -> np.ndarray:
    """Level-0 px of the one bag."""
    return COORDS.copy()


@pytest.fixture
def make_features() -> Callable[[str], np.ndarray]:
    """`make_features("f2")`: the one bag in this precision."""
    return _features

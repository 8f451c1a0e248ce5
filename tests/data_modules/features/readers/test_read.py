from __future__ import annotations

import h5py
import numpy as np
import pytest
import torch

from data_modules.features.check import Rules, check_slide
from data_modules.features.readers import Unreadable, read_raw
from data_modules.features.store import BagStore
from data_modules.problems import Problems


def _store(path, rules: Rules) -> BagStore:
    problems = Problems()
    slide = check_slide(path, rules, problems)
    problems.raise_if_any()
    assert slide is not None
    return BagStore({"P": (slide,)}, slide.features.shape[1])


@pytest.mark.parametrize("dtype", ["f2", "f4", "f8"])
def test_one_bag_reads_back_to_the_bit_from_every_format(
    tmp_path, way, coords, make_features, dtype
) -> None:
    features = make_features(dtype)
    bag = _store(way.write(tmp_path / "P", features, coords), way.rules).read("P")
    assert bag.features.numpy().dtype == features.dtype
    assert bag.features.numpy().tobytes() == features.tobytes()
    assert bag.coords.dtype == torch.int64
    assert bag.coords.tolist() == (coords if way.has_places() else np.zeros_like(coords)).tolist()


def test_the_layout_is_told_from_keys_and_attributes(tmp_path, way, coords, make_features) -> None:
    assert read_raw(way.write(tmp_path / "P", make_features("f4"), coords)).layout == way.layout


@pytest.mark.parametrize(
    ("name", "known"),
    [
        ("own", {"tool": "mmsurv", "encoder": "uni", "mpp": 0.25}),
        (
            "trident",
            {"tool": "TRIDENT", "encoder": "uni", "patch_px": 512.0, "patch_px_level0": 1024.0,
             "magnification": 20.0},
        ),
        ("clam", {}),
        ("stamp", {"tool": "STAMP", "encoder": "uni", "patch_px": 224.0, "patch_um": 256.0}),
        ("stamp 2.0", {"tool": "STAMP", "encoder": "uni", "patch_um": 256.0}),
        ("stamp historic", {"tool": "STAMP", "patch_px": 224.0, "patch_um": 256.0}),
        ("tiatoolbox", {"tool": "tiatoolbox"}),
        ("pt bare", {}),
    ],
)  # fmt: skip
def test_provenance_is_read_and_never_made_up(
    tmp_path, ways, coords, make_features, name, known
) -> None:
    path = ways[name].write(tmp_path / "P", make_features("f4"), coords)
    assert read_raw(path).meaning.provenance.attributes() == known
    assert _store(path, ways[name].rules).provenance()[path].attributes() == known


def test_patches_of_clam_with_their_attributes_are_of_clam(tmp_path) -> None:
    with h5py.File(tmp_path / "P.h5", "w") as file:
        file["features"], file["coords"] = np.ones((2, 3)), np.zeros((2, 2), int)
        file["coords"].attrs.update({"patch_size": 256, "patch_level": 0, "downsample": [1.0, 1.0]})
    known = {"tool": "CLAM", "patch_px": 256.0, "patch_px_level0": 256.0}
    assert read_raw(tmp_path / "P.h5").meaning.provenance.attributes() == known


def test_a_vector_of_a_whole_slide_is_a_bag_of_one_token(tmp_path) -> None:
    vector = np.arange(5, dtype=np.float32)
    with h5py.File(tmp_path / "trident.h5", "w") as file:
        file["features"], file["coords"] = vector, np.zeros((9, 2), int)
    with h5py.File(tmp_path / "stamp.h5", "w") as file:
        file["feats"] = vector[None]
        file.attrs.update({"encoder": "titan", "feat_type": "slide"})
    torch.save(torch.from_numpy(vector), tmp_path / "bare.pt")
    for path in sorted(tmp_path.iterdir()):
        bag = _store(path, Rules()).read("P")
        assert bag.features.tolist() == [vector.tolist()]
        assert bag.coords.tolist() == [[0, 0]]


def test_bfloat16_becomes_float32_without_loss(tmp_path) -> None:
    from safetensors.torch import save_file

    values = torch.randn(7, 3).bfloat16()
    torch.save(values, tmp_path / "a.pt")
    save_file({"features": values}, tmp_path / "b.safetensors")
    for path in sorted(tmp_path.iterdir()):
        assert torch.equal(_store(path, Rules(coords="ignore")).read("P").features, values.float())


def test_an_unknown_layout_is_told_with_its_keys_and_the_known_ones(tmp_path) -> None:
    with h5py.File(tmp_path / "P.h5", "w") as file:
        file["embeddings"], file["xy"] = np.ones((2, 3)), np.zeros((2, 2))
    with pytest.raises(Unreadable) as error:
        read_raw(tmp_path / "P.h5")
    assert "['embeddings', 'xy']; known are features and coords (TRIDENT, CLAM)" in str(error.value)


@pytest.mark.parametrize(
    ("features", "told"),
    [
        (np.ones((3, 4), np.int8), "features must be floats, found |i1"),
        (np.ones((3, 4), np.complex64), "features must be floats, found <c8"),
        (np.full((3, 4), b"x"), "features must be floats, found |S1"),
        (np.ones((3, 4), bool), "features must be floats, found |b1"),
        (np.ones((2, 3, 4)), "features must be (patches, width), found shape (2, 3, 4)"),
        (np.ones((0, 4)), "the slide is empty: it has no patches"),
        (np.ones((4, 0)), "the slide is empty: it has no patches"),
        (np.ones(0), "the slide is empty: it has no patches"),
        (np.float32(1.0), "features must be (patches, width), found shape ()"),
    ],
)
def test_features_that_are_none_are_told(tmp_path, features, told) -> None:
    with h5py.File(tmp_path / "P.h5", "w") as file:
        file["features"], file["coords"] = features, np.zeros((3, 2), int)
    with pytest.raises(Unreadable) as error:
        read_raw(tmp_path / "P.h5")
    assert str(error.value) == told


def test_objects_are_no_features(tmp_path) -> None:
    with h5py.File(tmp_path / "P.h5", "w") as file:
        file.create_dataset("features", data=["a", "b"], dtype=h5py.string_dtype())
        file["coords"] = np.zeros((2, 2), int)
    with pytest.raises(Unreadable, match="features must be floats"):
        read_raw(tmp_path / "P.h5")

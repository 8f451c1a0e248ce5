from __future__ import annotations

import pickle
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch

from data_modules.features.check import Rules, check_slide
from data_modules.features.store import BagStore
from data_modules.features.write import write_bag
from data_modules.problems import Problems

FEATURES = np.arange(12, dtype=np.float32).reshape(3, 4)
COORDS = np.array([[0, 224], [224, 0], [448, 224]])


def _store(*paths: Path) -> BagStore:
    problems = Problems()
    slides = [check_slide(path, Rules(4), problems) for path in paths]
    problems.raise_if_any()
    return BagStore({"P": tuple(s for s in slides if s is not None)}, 4)


def test_a_bag_reads_back_to_the_bit_with_its_provenance(tmp_path) -> None:
    path = tmp_path / "P.h5"
    write_bag(path, FEATURES, COORDS, {"encoder": "maxvit", "mpp": 0.25})
    bag = _store(path).read("P")
    assert bag.features.numpy().tobytes() == FEATURES.tobytes()
    assert bag.coords.tolist() == COORDS.tolist()
    assert bag.coords.dtype == torch.int64
    with h5py.File(path) as file:
        assert file["features"].chunks is None
        assert file["features"].compression is None
        assert dict(file.attrs) == {"written_by": "mmsurv", "encoder": "maxvit", "mpp": 0.25}


@pytest.mark.parametrize(
    "layout", [{"chunks": (2, 4)}, {"compression": "gzip"}, {"dtype": ">f4"}, {"dtype": "f2"}]
)
def test_every_layout_reads_the_same_values(tmp_path, layout) -> None:
    path = tmp_path / "P.h5"
    with h5py.File(path, "w") as file:
        file.create_dataset("features", data=FEATURES, **layout)
        file.create_dataset("coords", data=COORDS.astype(np.int32))
    bag = _store(path).read("P")
    assert bag.features.float().tolist() == FEATURES.tolist()
    assert bag.coords.tolist() == COORDS.tolist()


def test_slides_are_joined_in_order_and_numbered(tmp_path) -> None:
    paths = [tmp_path / f"P-DX{i}.h5" for i in (1, 2)]
    write_bag(paths[0], FEATURES, COORDS, {})
    write_bag(paths[1], FEATURES[:1] + 100, COORDS[:1], {})
    bag = _store(*paths).read("P")
    assert bag.slide.tolist() == [0, 0, 0, 1]
    assert bag.features[3, 0] == 100


def test_a_store_holds_no_open_file(tmp_path) -> None:
    path = tmp_path / "P.h5"
    write_bag(path, FEATURES, COORDS, {})
    store = pickle.loads(pickle.dumps(_store(path)))
    assert store.read("P").features.tolist() == FEATURES.tolist()
    assert store.fingerprint() == _store(path).fingerprint()
    write_bag(path, FEATURES[:2], COORDS[:2], {})
    assert store.fingerprint() != _store(path).fingerprint()


def test_values_beside_a_user_block_or_outside_the_file_are_found(tmp_path) -> None:
    with h5py.File(tmp_path / "block.h5", "w", userblock_size=1024) as file:
        file["features"], file["coords"] = FEATURES, COORDS
    with h5py.File(tmp_path / "outside.h5", "w") as file:
        outside = [(str(tmp_path / "values.bin"), 0, FEATURES.nbytes)]
        file.create_dataset("features", FEATURES.shape, "f4", external=outside)[:] = FEATURES
        file["coords"] = COORDS
    for name in ("block.h5", "outside.h5"):
        assert _store(tmp_path / name).read("P").features.tolist() == FEATURES.tolist()


def test_a_file_that_went_or_changed_after_the_check_is_named(tmp_path) -> None:
    path = tmp_path / "P.h5"
    write_bag(path, FEATURES, COORDS, {})
    store = _store(path)
    write_bag(path, np.tile(FEATURES, (500, 1)), np.tile(COORDS, (500, 1)), {})
    with pytest.raises(OSError, match=r"P\.h5: the file has gone or changed since it was checked"):
        store.read("P")
    path.unlink()
    with pytest.raises(OSError, match=r"P\.h5: the file has gone or changed since it was checked"):
        store.read("P")


def test_the_fingerprint_sees_values_and_not_only_sizes(tmp_path) -> None:
    path = tmp_path / "P.h5"
    prints = set()
    for features in (FEATURES, FEATURES + 1):
        write_bag(path, features, COORDS, {})
        prints.add(_store(path).fingerprint())
    write_bag(path, FEATURES, COORDS[::-1], {})
    prints.add(_store(path).fingerprint())
    assert len(prints) == 3


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("features", "group", "features is no array"),
        ("features", h5py.Empty("f4"), "features is no array"),
        ("features", np.full((3, 4), b"x"), "features must be floats, found |S1"),
        ("coords", "group", "coords is no array"),
        ("coords", np.full((3, 2), b"x"), "coords must be level-0 pixels, found |S1"),
        ("coords", np.full((3, 2), np.nan), "coords are NaN or infinite: extract the slide again"),
    ],
)
def test_what_no_bag_can_hold_is_told(tmp_path, name, content, told) -> None:
    path = tmp_path / "P.h5"
    write_bag(path, FEATURES, COORDS, {})
    with h5py.File(path, "a") as file:
        del file[name]
        if isinstance(content, str):
            file.create_group(name)
        else:
            file[name] = content
    problems = Problems()
    check_slide(path, Rules(4), problems)
    assert [problem.message for problem in problems.found] == [told]


def test_contiguous_bags_are_read_without_any_call_into_hdf5(tmp_path, monkeypatch) -> None:
    path = tmp_path / "P.h5"
    write_bag(path, FEATURES, COORDS, {"encoder": "maxvit"})
    store = _store(path)
    monkeypatch.setattr(h5py, "File", lambda *_: pytest.fail("HDF5 was called"))
    bag = store.read("P")
    assert bag.features.tolist() == FEATURES.tolist()
    assert bag.coords.tolist() == COORDS.tolist()


def test_stores_of_every_format_are_copied_to_workers(tmp_path, way, coords, make_features) -> None:
    problems = Problems()
    slide = check_slide(way.write(tmp_path / "P", make_features("f2"), coords), way.rules, problems)
    assert slide is not None
    store = pickle.loads(pickle.dumps(BagStore({"P": (slide,)}, 6)))
    assert store.read("P").features.tolist() == make_features("f2").tolist()


def test_files_of_every_format_that_change_are_named(tmp_path, way, coords, make_features) -> None:
    slide = check_slide(
        way.write(tmp_path / "P", make_features("f2"), coords), way.rules, Problems()
    )
    assert slide is not None
    store = BagStore({"P": (slide,)}, 6)
    more = np.tile(make_features("f2"), (9, 1)), np.tile(coords, (9, 1))
    way.write(tmp_path / "P", *more)
    with pytest.raises(OSError, match="the file has gone or changed since it was checked"):
        store.read("P")

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest

from data_modules.features.check import check_slide
from data_modules.features.convert import as_slide, convert_file
from data_modules.features.readers import Unreadable
from data_modules.features.report import SlideReport, inspect
from data_modules.features.scan import ScanCache
from data_modules.features.store import BagStore, read_slide
from data_modules.features.write import write_bag
from data_modules.problems import Problems


@pytest.fixture
def convert(tmp_path) -> Callable[[Path], tuple[str, SlideReport, SlideReport]]:
    """`convert(source)`: what was done, and the target."""
    (tmp_path / "out").mkdir()
    caches = [ScanCache(None, tmp_path), ScanCache(None, tmp_path)]

    def one(source: Path) -> tuple[str, SlideReport, SlideReport]:
        target = tmp_path / "out" / f"{source.stem}.h5"
        outcome, before, after = convert_file(source, target, *caches)
        return outcome, before, after

    return one


def test_the_same_rules_read_the_same_bag_from_the_fastest_layout(
    tmp_path, convert, way, coords, make_features
) -> None:
    source = way.write(tmp_path / "P", make_features("f2"), coords)
    outcome, before, after = convert(source)
    assert outcome == "written"
    assert after.features.offset is not None
    assert before.provenance.attributes().items() <= after.provenance.attributes().items()
    stores = []
    for path in (source, after.path):
        problems = Problems()
        slide = check_slide(path, way.rules, problems)
        problems.raise_if_any()
        assert slide is not None
        stores.append(BagStore({"P": (slide,)}, 6))
    one, other = (store.read("P") for store in stores)
    assert one.features.numpy().tobytes() == other.features.numpy().tobytes()
    assert one.coords.tolist() == other.coords.tolist()
    assert stores[0].fingerprint() == stores[1].fingerprint()
    assert convert(source)[0] == "was there"


def test_a_vector_stays_one(tmp_path, convert) -> None:
    with h5py.File(tmp_path / "P.h5", "w") as file:
        file["features"] = np.arange(5, dtype=np.float32)
    _, _, after = convert(tmp_path / "P.h5")
    assert after.vector
    assert read_slide(as_slide(after))[0].tolist() == [[0, 1, 2, 3, 4]]


def test_what_changed_is_written_again(tmp_path, convert, coords, make_features) -> None:
    write_bag(tmp_path / "P.h5", make_features("f4"), coords, {})
    convert(tmp_path / "P.h5")
    write_bag(tmp_path / "P.h5", make_features("f4") + 1, coords, {})
    outcome, before, after = convert(tmp_path / "P.h5")
    assert outcome == "written"
    assert after.digest == before.digest == inspect(tmp_path / "out" / "P.h5").digest


def test_what_cannot_be_read_is_not_written(tmp_path, convert) -> None:
    (tmp_path / "P.h5").write_bytes(b"nothing")
    with pytest.raises(Unreadable, match="cannot be read as HDF5"):
        convert(tmp_path / "P.h5")
    with h5py.File(tmp_path / "Q.h5", "w") as file:
        file["features"], file["coords"] = np.ones((2, 3)), np.ones((9, 2))
    with pytest.raises(Unreadable, match=r"coords must be \(2, 2\)"):
        convert(tmp_path / "Q.h5")
    assert list((tmp_path / "out").iterdir()) == []

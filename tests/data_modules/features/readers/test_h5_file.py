from __future__ import annotations

import h5py
import numpy as np
import pytest

from data_modules.features.readers import Unreadable, read_raw
from data_modules.features.readers.h5_file import open_h5


def test_contiguous_values_are_found_where_they_lie(tmp_path) -> None:
    values = np.arange(12, dtype=np.float32).reshape(3, 4)
    with h5py.File(tmp_path / "P.h5", "w") as file:
        file["flat"] = values
        file.create_dataset("chunked", data=values, chunks=(1, 4))
        file.create_dataset("packed", data=values, compression="gzip")
        file.create_dataset("turned", data=values, dtype=">f4")
    with open_h5(tmp_path / "P.h5") as opened:
        offsets = {name: entry.offset for name, entry in opened.entries.items()}
        for name in offsets:
            loaded = opened.load(name)
            assert loaded.dtype == np.dtype("<f4")
            assert loaded.tolist() == values.tolist()
    assert [name for name, offset in offsets.items() if offset is not None] == ["flat"]
    raw = (tmp_path / "P.h5").read_bytes()[offsets["flat"] :][: values.nbytes]
    assert raw == values.tobytes()


@pytest.mark.parametrize("layout", [{}, {"chunks": (1, 4)}])
def test_values_that_were_never_written_are_not_read_as_zeros(tmp_path, layout) -> None:
    with h5py.File(tmp_path / "P.h5", "w") as file:
        file.create_dataset("features", (3, 4), "f4", **layout)
        file["coords"] = np.zeros((3, 2), int)
        if layout:
            file["features"][0] = 1
    told = "2 of 3 chunks of features were never written" if layout else "all values of features"
    with pytest.raises(Unreadable, match=told):
        read_raw(tmp_path / "P.h5")


def test_a_link_to_nowhere_is_no_array(tmp_path) -> None:
    with h5py.File(tmp_path / "P.h5", "w") as file:
        file["features"] = h5py.SoftLink("/nowhere")
        file["coords"] = np.zeros((3, 2), int)
    with pytest.raises(Unreadable, match=r"no known layout: it holds \['coords'\]"):
        read_raw(tmp_path / "P.h5")


@pytest.mark.parametrize("size", [0, 7, 600, 2000])
def test_a_truncated_file_is_refused(tmp_path, ways, coords, make_features, size) -> None:
    path = ways["trident"].write(tmp_path / "P", make_features("f4"), coords)
    path.write_bytes(path.read_bytes()[:size])
    with pytest.raises(Unreadable, match="cannot be read as HDF5"):
        read_raw(path)

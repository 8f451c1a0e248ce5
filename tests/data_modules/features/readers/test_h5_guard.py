from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest

from data_modules.features.readers import Unreadable
from data_modules.features.readers.h5_guard import HEAP, check_heaps, is_safe


@pytest.fixture
def told(tmp_path) -> Path:
    """A file whose attributes are texts of several lengths."""
    with h5py.File(tmp_path / "P.h5", "w") as file:
        for i in range(40):
            file.attrs[f"text{i}"] = "x" * i * 7
    return tmp_path / "P.h5"


def test_heaps_that_the_library_wrote_are_whole(told) -> None:
    assert HEAP in told.read_bytes()
    check_heaps(told)


@pytest.mark.parametrize(
    ("place", "bits"),
    [
        (8, b"\xff\xff\xff\x00"),  # the heap ends beyond the file
        (8, b"\x00\x00"),  # it ends before it begins
        (24, b"\xff\xff\xff\xff\xff\xff\xff\xff"),  # its first text ends beyond it
        (16, b"\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"),  # what is free has no size: for ever
    ],
)
def test_broken_heaps_are_refused_before_the_library_sees_them(told, place, bits) -> None:
    content = bytearray(told.read_bytes())
    at = content.index(HEAP) + place
    content[at : at + len(bits)] = bits
    told.write_bytes(content)
    with pytest.raises(Unreadable, match="the heap of texts at byte"):
        check_heaps(told)


def test_attributes_that_could_crash_the_library_are_passed_over(tmp_path) -> None:
    with h5py.File(tmp_path / "P.h5", "w") as file:
        about = file.attrs
        about["text"], about["bytes"], about["number"] = "uni", np.bytes_("uni"), np.float32(2)
        about["few"] = [256, 256]
        about["many"] = np.zeros(1000)
        about["truth"] = True
        safe = [name for name in about if is_safe(about.get_id(name))]
    assert sorted(safe) == ["bytes", "few", "number", "text"]
    content = bytearray((tmp_path / "P.h5").read_bytes())
    # The type of a text of any length: class and version, then 1 for text.
    at = content.index(b"\x19\x01\x01\x00")
    content[at + 1] = 4
    (tmp_path / "P.h5").write_bytes(content)
    with h5py.File(tmp_path / "P.h5") as file:
        assert not is_safe(file.attrs.get_id("text"))

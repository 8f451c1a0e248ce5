from __future__ import annotations

import io
import json
import pickle
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from data_modules.features import open_packed
from data_modules.features import packed as packed_module
from data_modules.features.packed import (
    COORDS,
    FEATURES,
    INDEX,
    find_pack,
    joined_spans,
    read_index,
)


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(1, 4)), max_size=6))
def test_joined_spans_cover_the_same_patches_in_the_same_order(spans) -> None:
    def patches(some: list[tuple[int, int]]) -> list[int]:
        return [row for start, n in some for row in range(start, start + n)]

    assert patches(joined_spans(spans)) == patches(spans)


def test_a_packed_bag_is_the_bag_of_the_files_to_the_bit(load, folder) -> None:
    files = load().features
    packed, _ = open_packed(files, folder / "packs" / "packs")
    assert packed.patients() == files.patients()
    assert packed.fingerprint() == files.fingerprint()
    assert packed.nbytes() == files.nbytes() > 0
    for patient in files.patients():
        for one, other in zip(packed.read(patient), files.read(patient), strict=True):
            assert one.dtype == other.dtype
            assert torch.equal(one, other)


def test_writing_into_a_bag_leaves_the_pack_alone(load, folder) -> None:
    packed, _ = open_packed(load().features, folder / "packs")
    packed.read("P01").features.fill_(7)
    assert not (packed.read("P01").features == 7).any()


def test_a_bag_of_slides_that_lie_end_to_end_is_one_read(load, folder, monkeypatch) -> None:
    packed, _ = open_packed(load().features, folder / "packs")
    assert len(packed.spans["P00"]) == 1  # of two slides
    read = []
    plain = packed_module._read
    monkeypatch.setattr(packed_module, "_read", lambda *a: read.append(a[0].name) or plain(*a))
    packed.read("P00")
    assert read == [FEATURES, COORDS]


def test_a_kept_bag_is_a_view_of_the_file(load, folder) -> None:
    packed, _ = open_packed(load().features, folder / "packs")
    held = packed.held()
    assert all(isinstance(part, np.memmap) for part in held._joined(held.spans["P00"]))
    for one, other in zip(held.read("P00"), packed.read("P00"), strict=True):
        assert torch.equal(one, other)


def test_what_one_call_does_not_give_is_asked_for_again(tmp_path, monkeypatch) -> None:
    class Slow(io.FileIO):
        def readinto(self, into) -> int:
            return super().readinto(into[:7])

    monkeypatch.setattr(Path, "open", lambda self, *args, **named: Slow(self))
    rows = np.arange(24, dtype=np.float16).reshape(6, 4)
    with io.FileIO(tmp_path / "rows", "w") as file:
        file.write(rows.tobytes())
    assert np.array_equal(packed_module._read(tmp_path / "rows", rows.dtype, 4, (1, 4)), rows[1:5])
    assert packed_module._read(tmp_path / "rows", rows.dtype, 4, (2, 0)).shape == (0, 4)
    with pytest.raises(ValueError, match="ends 8 bytes before it should"):
        packed_module._read(tmp_path / "rows", rows.dtype, 4, (1, 6))


def test_a_packed_store_can_be_sent_to_a_worker(load, folder) -> None:
    packed, _ = open_packed(load().features, folder / "packs")
    copy = pickle.loads(pickle.dumps(packed))
    assert torch.equal(copy.read("P03").features, packed.read("P03").features)


@pytest.mark.parametrize("break_it", [shutil.rmtree, lambda f: (f / FEATURES).write_bytes(b"")])
def test_a_pack_that_goes_during_a_run_is_no_failure(load, folder, break_it) -> None:
    files = load().features
    packed, _ = open_packed(files, folder / "packs")
    break_it(packed.pack.folder)
    assert torch.equal(packed.read("P02").features, files.read("P02").features)


def test_a_part_of_a_pack_and_anything_else_is_none(load, folder) -> None:
    packed, _ = open_packed(load().features, folder / "packs")
    folder = packed.pack.folder
    whole = json.loads((folder / INDEX).read_text())
    assert read_index(folder) is not None
    changes = ({"version": 0}, {"width": 5}, {"slides": [1]})
    for broken in (*({**whole, **change} for change in changes), [], {}):
        (folder / INDEX).write_text(json.dumps(broken))
        assert read_index(folder) is None
    assert find_pack(folder / "packs", [], 4) is None
    assert find_pack(folder / "nowhere", [], 4) is None

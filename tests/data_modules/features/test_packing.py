from __future__ import annotations

import errno
import os
import shutil
from collections import namedtuple
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import torch
from filelock import FileLock

from data_modules import locks
from data_modules.features import BagStore, PackedStore, open_packed, packed_folder, packing
from data_modules.features.packed import FEATURES, INDEX


def _packs(home: Path) -> list[Path]:
    return sorted(path for path in home.iterdir() if path.is_dir())


def test_a_pack_lies_beside_the_features_and_is_built_once(load, folder, monkeypatch) -> None:
    files = load().features
    home = packed_folder(files)
    assert home == folder / "enc.packed"
    seen: list[tuple[int, int]] = []
    first, told = open_packed(files, home, lambda done, of: seen.append((done, of)))
    assert isinstance(first, PackedStore)
    assert told.startswith(f"features are packed: {first.pack.folder}, 21 slides")
    assert seen == [(i, 21) for i in range(1, 22)]
    monkeypatch.setattr(packing, "read_slide", None)  # would fail if it were called
    again, _ = open_packed(load().features, home)
    assert again.pack.folder == first.pack.folder
    assert load().data_hash  # the pack beside the features disturbs nobody


def test_a_part_of_the_cohort_reads_the_pack_of_the_whole(load, folder) -> None:
    files = load().features
    whole, _ = open_packed(files, folder / "packs")
    part = BagStore({p: files.slides[p] for p in ("P00", "P07")}, files.width)
    packed, told = open_packed(part, folder / "packs")
    assert packed.pack.folder == whole.pack.folder
    assert packed.patients() == {"P00", "P07"}
    assert torch.equal(packed.read("P07").features, files.read("P07").features)
    assert "other packs" not in told


def test_features_that_changed_are_packed_anew_and_the_old_pack_is_told(load, folder) -> None:
    before, _ = open_packed(load().features, folder / "enc.packed")
    with h5py.File(folder / "enc" / "P04-DX1.h5", "a") as file:
        file["features"][0] = 9
    files = load().features
    after, told = open_packed(files, folder / "enc.packed")
    assert after.pack.folder != before.pack.folder
    assert after.read("P04").features[0].tolist() == [9] * 4
    assert told.endswith("; 1 other packs lie there and may be deleted")


def test_halves_and_singles_are_packed_as_singles(load, folder) -> None:
    for path in sorted((folder / "enc").glob("P0*.h5"))[::2]:
        with h5py.File(path, "a") as file:
            halves = file["features"][:].astype(np.float16)
            del file["features"]
            file["features"] = halves
    files = load().features
    packed, _ = open_packed(files, folder / "p")
    assert packed.read("P00").features.dtype == torch.float32
    for patient in files.patients():
        assert torch.equal(packed.read(patient).features, files.read(patient).features.float())


def test_builders_at_the_same_time_leave_one_whole_pack(load, folder) -> None:
    files = load().features
    with ThreadPoolExecutor(4) as pool:
        stores = list(pool.map(lambda _: open_packed(files, folder / "packs")[0], range(4)))
    (folder,) = _packs(folder / "packs")
    assert {store.pack.folder for store in stores} == {folder}


def test_a_pack_that_is_built_again_in_another_order_has_another_name(load, folder) -> None:
    files = load().features
    first, _ = open_packed(files, folder / "packs")
    shutil.rmtree(first.pack.folder)  # may be deleted at any time, also during a run
    reversed_files = BagStore(dict(reversed(files.slides.items())), files.width)
    again, _ = open_packed(reversed_files, folder / "packs")
    for patient in files.patients():
        expected = files.read(patient).features
        assert torch.equal(again.read(patient).features, expected)
        assert torch.equal(first.read(patient).features, expected)


def test_without_locks_the_first_builder_wins(load, folder, monkeypatch) -> None:
    class NoLocks:
        def __init__(self, path: Path) -> None: ...
        def acquire(self, timeout: float) -> None:
            raise NotImplementedError

    monkeypatch.setattr(locks, "FileLock", NoLocks)
    files = load().features
    original = packing._write

    def overtaken(*given: Any) -> Any:
        monkeypatch.setattr(packing, "_write", original)
        open_packed(files, folder / "packs")  # another process is done first
        return original(*given)

    monkeypatch.setattr(packing, "_write", overtaken)
    packed, _ = open_packed(files, folder / "packs")
    assert torch.equal(packed.read("P00").features, files.read("P00").features)
    assert _packs(folder / "packs") == [packed.pack.folder]


def test_what_a_killed_builder_left_is_cleared_away(load, folder) -> None:
    left = folder / "packs" / ".abc-1.partial"
    left.mkdir(parents=True)
    (left / FEATURES).write_bytes(b"half")
    packed, _ = open_packed(load().features, folder / "packs")
    assert _packs(folder / "packs") == [packed.pack.folder]


def test_a_broken_pack_is_built_anew(load, folder) -> None:
    files = load().features
    packed, _ = open_packed(files, folder / "packs")
    (packed.pack.folder / FEATURES).write_bytes(b"short")
    again, _ = open_packed(files, folder / "packs")
    assert again.pack.folder == packed.pack.folder
    assert torch.equal(again.read("P05").features, files.read("P05").features)
    assert (packed.pack.folder / INDEX).is_file()


def test_a_full_disk_leaves_the_files_to_read_from(load, folder, monkeypatch) -> None:
    files = load().features
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(10, 10, 10))
    store, told = open_packed(files, folder / "packs")
    assert store is files
    assert "cannot be packed" in told
    assert "0.00 GB are free" in told
    monkeypatch.undo()

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    store, told = open_packed(files, folder / "packs")
    assert store is files
    assert told.endswith("No space left on device")
    assert _packs(folder / "packs") == []


def test_a_place_where_nobody_may_write_leaves_the_files_to_read_from(load, folder) -> None:
    (folder / "file").write_text("")
    files = load().features
    store, told = open_packed(files, folder / "file" / "packs")
    assert store is files
    assert "features are read from their files" in told


def test_a_slide_that_changed_since_it_was_checked_is_told_and_not_packed(load, folder) -> None:
    files = load().features
    (folder / "enc" / "P04-DX1.h5").write_bytes(b"x")
    with pytest.raises(OSError, match="has gone or changed"):
        open_packed(files, folder / "packs")
    assert _packs(folder / "packs") == []


def test_a_slide_written_anew_at_the_same_length_is_told_and_not_packed(load, folder) -> None:
    files = load().features
    path = folder / "enc" / "P04-DX1.h5"
    size = path.stat().st_size
    with h5py.File(path, "a") as file:
        file["features"][0] = 9
    assert path.stat().st_size == size
    with pytest.raises(OSError, match=r"P04-DX1\.h5: the file has gone or changed"):
        open_packed(files, folder / "packs")
    assert _packs(folder / "packs") == []


def test_coordinates_are_looked_at_as_well(load, folder) -> None:
    files = load().features
    with h5py.File(folder / "enc" / "P04-DX1.h5", "a") as file:
        file["coords"][0] = 9
    with pytest.raises(OSError, match="has gone or changed"):
        open_packed(files, folder / "packs")


def test_who_waits_for_another_builder_says_so(load, folder) -> None:
    files, home = load().features, folder / "packs"
    home.mkdir()
    other = FileLock(home / ".lock", thread_local=False)
    other.acquire()
    told: list[str] = []

    def waits() -> None:
        told.append("waits")
        other.release()

    packed, _ = open_packed(files, home, waits=waits)
    assert isinstance(packed, PackedStore)
    assert told == ["waits"]
    open_packed(files, home, waits=waits)
    assert told == ["waits"]


def test_nobody_has_slides(tmp_path) -> None:
    store = BagStore({}, 4)
    assert packed_folder(store) is None
    assert open_packed(store, tmp_path) == (store, "no patient has features to pack")

from __future__ import annotations

import errno
import pickle
from pathlib import Path

import pytest
import torch

from data_modules.features import ResidentStore, open_packed, packed
from data_modules.features.packed import COORDS, FEATURES


@pytest.mark.parametrize("encoder", ["enc", "hif"])
def test_a_bag_is_read_once_and_is_the_one_of_the_store(load, monkeypatch, encoder) -> None:
    store = load(encoder=encoder).features
    kept = ResidentStore(store, torch.device("cpu"))
    assert kept.patients() == store.patients()
    assert kept.fingerprint() == store.fingerprint()
    assert (kept.width, kept.standardise) == (store.width, store.standardise)
    assert kept.nbytes() == store.nbytes()
    expected = {patient: store.read(patient) for patient in sorted(store.patients())}
    reads: list[str] = []
    original = type(store).read
    monkeypatch.setattr(type(store), "read", lambda self, p: reads.append(p) or original(self, p))
    for _ in range(2):
        for patient, bag in expected.items():
            assert all(map(torch.equal, kept.read(patient), bag))
    assert reads == sorted(expected)


@pytest.mark.parametrize("encoder", ["enc", "hif"])
def test_the_bytes_of_all_bags_are_those_of_their_tensors(load, encoder) -> None:
    store = load(encoder=encoder).features
    parts = [part for patient in store.patients() for part in store.read(patient)]
    assert store.nbytes() == sum(part.nbytes for part in parts)


def test_what_is_kept_of_a_pack_is_no_copy(load, folder) -> None:
    store, _ = open_packed(load().features, folder / "packs")
    kept = ResidentStore(store, torch.device("cpu"))
    assert kept.read("P01").features is kept.read("P01").features


MAPS = Path("/proc/self/maps")


@pytest.mark.skipif(not MAPS.is_file(), reason="needs Linux")
def test_a_pack_that_is_kept_takes_one_map_of_each_file(load, folder) -> None:
    store, _ = open_packed(load().features, folder / "packs")
    kept = ResidentStore(store, torch.device("cpu"))
    for patient in sorted(kept.patients()):
        assert all(map(torch.equal, kept.read(patient), store.read(patient)))
    text = MAPS.read_text()
    for name in (FEATURES, COORDS):
        # A page that was written to would stand apart.
        assert text.count(str(store.pack.folder / name)) == 1
    kept.read("P01").features.fill_(7)
    assert not (store.read("P01").features == 7).any()
    assert not pickle.loads(pickle.dumps(kept.store))._maps


def test_a_pack_too_large_for_one_map_is_kept_bag_by_bag(load, folder, monkeypatch) -> None:
    files = load().features
    store, _ = open_packed(files, folder / "packs")
    original = packed._map

    def limited(path, dtype, width, span):  # noqa: ANN202
        if span[1] == store.pack.patches:
            raise OSError(errno.ENOMEM, "Cannot allocate memory")
        return original(path, dtype, width, span)

    monkeypatch.setattr(packed, "_map", limited)
    kept = ResidentStore(store, torch.device("cpu"))
    for patient in files.patients():
        assert all(map(torch.equal, kept.read(patient), files.read(patient)))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_bags_stay_on_the_gpu(load) -> None:
    kept = ResidentStore(load().features, torch.device("cuda", 0))
    bag = kept.read("P01")
    assert all(part.is_cuda for part in bag)
    assert torch.equal(bag.features.cpu(), kept.store.read("P01").features)

from __future__ import annotations

import pytest
import torch

from data_modules.features import ResidentStore, open_packed


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
    packed, _ = open_packed(load().features, folder / "packs")
    kept = ResidentStore(packed, torch.device("cpu"))
    assert kept.read("P01").features is kept.read("P01").features


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_bags_stay_on_the_gpu(load) -> None:
    kept = ResidentStore(load().features, torch.device("cuda", 0))
    bag = kept.read("P01")
    assert all(part.is_cuda for part in bag)
    assert torch.equal(bag.features.cpu(), kept.store.read("P01").features)

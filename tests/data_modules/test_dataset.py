from __future__ import annotations

import pickle
from dataclasses import replace

import h5py
import numpy as np
import torch

from data_modules.dataset import Draw, EpochSampler, SurvivalDataset
from data_modules.features import ResidentStore
from data_modules.transforms import fit_transforms
from mmsurv.batch import collate

TRAIN = [f"P{i:02d}" for i in range(12)]


def _dataset(cohort, **options) -> SurvivalDataset:
    return SurvivalDataset(cohort, TRAIN, fit_transforms(cohort, TRAIN, []), **options)


def test_the_order_is_a_pure_function_of_seed_and_epoch() -> None:
    sampler = EpochSampler(30, seed=4)
    first = list(sampler)
    sampler.set_epoch(1)
    second = list(sampler)
    sampler.set_epoch(0)
    assert list(sampler) == first
    assert [d.position for d in first] != [d.position for d in second]
    assert sorted(d.position for d in second) == list(range(30))
    assert {d.epoch for d in second} == {1}
    assert list(EpochSampler(30, seed=5)) != first


def test_slides_of_a_patient_stand_end_to_end_and_are_told_apart(load) -> None:
    patient = _dataset(load())[0]
    assert patient.slide.tolist() == [0, 0, 0, 1, 1, 1]
    assert patient.coords[3, 0] == 1000
    assert patient.patches.shape == (6, 4)


def test_only_training_draws_some_patches_and_evaluation_takes_all(load) -> None:
    dataset = _dataset(load(), max_patches=2, seed=1)
    assert len(dataset[0].patches) == 6
    some = dataset[Draw(0, 3)]
    assert len(some.patches) == len(some.coords) == 2
    assert torch.equal(dataset[Draw(0, 3)].coords, some.coords)
    draws = {tuple(dataset[Draw(0, epoch)].coords.flatten().tolist()) for epoch in range(20)}
    assert len(draws) > 3
    rows = {tuple(row.tolist()) for row in dataset[0].patches}
    assert all(tuple(row.tolist()) in rows for row in some.patches)


def test_a_fixed_part_is_evaluated_whatever_the_seed_and_is_not_trained_on(load) -> None:
    cohort = load()
    whole = _dataset(cohort)
    dataset, other = _dataset(cohort, eval_patches=2), _dataset(cohort, eval_patches=2, seed=9)
    chosen = dataset[0]
    assert len(chosen.patches) == len(chosen.coords) == len(chosen.slide) == 2
    assert torch.equal(chosen.patches, dataset[0].patches)
    assert torch.equal(chosen.patches, other[0].patches)
    rows = [row.tolist() for row in whole[0].patches]
    places = [rows.index(row.tolist()) for row in chosen.patches]
    assert places == sorted(places)
    picked = {
        tuple(any(torch.equal(c, d) for d in dataset[i].coords) for c in whole[i].coords)
        for i in range(2, 12, 2)
    }
    assert len(picked) > 1  # not the same places in every patient
    assert len(dataset[Draw(0, 0)].patches) == 6
    assert torch.equal(_dataset(cohort, eval_patches=6)[0].patches, whole[0].patches)


def test_an_absent_image_is_an_empty_bag_and_absent_genes_a_false_mask(load, folder, edit) -> None:
    (folder / "enc" / "P05-DX1.h5").unlink()
    edit("genes.tsv", "\tP06-01", "\tX06-01")
    dataset = _dataset(load())
    assert dataset[5].patches.shape == (0, 4)
    assert dataset[5].gene_mask.all()
    assert not dataset[6].gene_mask.any()
    assert dataset[6].expression.abs().sum() == 0


def test_a_patient_without_an_image_joins_those_whose_bags_lie_elsewhere(load, folder) -> None:
    (folder / "enc" / "P05-DX1.h5").unlink()
    cohort = load()
    # A device without memory stands for a GPU.
    kept = replace(cohort, features=ResidentStore(cohort.features, torch.device("meta")))
    dataset = _dataset(kept, max_patches=2, eval_patches=3)
    for draws in ([0, 5, 1], [5, 0], [Draw(0, 0), Draw(5, 0)]):
        batch = collate([dataset[draw] for draw in draws])
        assert 0 in batch.patches.counts
        assert {x.device.type for x in (batch.patches.tokens, batch.coords, batch.slide)} == {
            "meta"
        }
        assert batch.time_days.device.type == "cpu"


def test_modalities_that_are_not_asked_for_have_no_width(load) -> None:
    patient = _dataset(load(modalities=("clinical",)))[0]
    assert patient.patches.shape == (0, 0)
    assert patient.expression.shape == (0,)
    assert patient.covariates.shape == (3,)


def test_a_bag_is_read_each_time_unless_it_is_cached(load, monkeypatch) -> None:
    cohort = load()
    reads: list[str] = []
    original = type(cohort.features).read
    monkeypatch.setattr(
        type(cohort.features), "read", lambda self, p: reads.append(p) or original(self, p)
    )
    streamed, cached = _dataset(cohort), _dataset(cohort, cache=True)
    assert reads == []  # nothing is read before it is asked for
    for _ in range(3):
        streamed[1], cached[2]
    assert reads.count("P01") == 3
    assert reads.count("P02") == 1


def test_a_dataset_can_be_sent_to_a_worker(load) -> None:
    dataset = _dataset(load())
    copy = pickle.loads(pickle.dumps(dataset))
    assert torch.equal(copy[0].patches, dataset[0].patches)
    assert len(pickle.dumps(dataset)) < 100_000


def test_patches_of_half_precision_stay_half_until_they_are_batched(load, folder) -> None:
    for path in (folder / "enc").glob("P0*.h5"):
        with h5py.File(path, "a") as file:
            halves = file["features"][:].astype(np.float16)
            del file["features"]
            file["features"] = halves
    dataset = _dataset(load())
    assert dataset[0].patches.dtype == torch.float16
    batch = collate([dataset[i] for i in range(12)])
    assert batch.patches.tokens.dtype == torch.float32
    assert torch.equal(batch.patches.tokens[:6], dataset[0].patches.float())

from __future__ import annotations

import gc
import traceback
import weakref
from dataclasses import replace

import pytest
import torch

from data_modules import datamodule
from data_modules.datamodule import SurvivalDataModule
from data_modules.features import Bag, ResidentStore
from data_modules.folds import make_folds


def _module(cohort, **options) -> SurvivalDataModule:
    folds = make_folds(cohort, n_folds=4, protocol="nested", seed=0)
    module = SurvivalDataModule(cohort, folds, fold=1, batch_size=5, **options)
    module.setup()
    return module


def test_sizes_and_names_come_from_the_data(load) -> None:
    module = _module(load())
    assert module.sizes == (4, 3, 3)
    assert module.covariate_names == ["age", "grade", "side=right"]
    assert _module(load(modalities=("genes",))).sizes == (0, 3, 0)


def test_a_loader_gives_every_patient_of_its_role_once(load) -> None:
    module = _module(load())
    for role, loader in (
        ("train", module.train_dataloader()),
        ("val", module.val_dataloader()),
        ("test", module.test_dataloader()),
    ):
        seen = [p for batch in loader for p in batch.patient_id]
        assert sorted(seen) == sorted(module.folds.patients(1, role))
        if role != "train":
            assert seen == module.role_table(role).index.tolist()


def test_training_is_shuffled_by_epoch_and_no_small_batch_is_dropped(load) -> None:
    module = _module(load())
    loader = module.train_dataloader()
    first = [p for batch in loader for p in batch.patient_id]
    loader.sampler.set_epoch(1)
    second = [p for batch in loader for p in batch.patient_id]
    assert first != second
    assert sorted(first) == sorted(second)
    assert len(first) % 5 != 0


# Where there is one processor.
WORKERS = pytest.mark.filterwarnings("ignore:This DataLoader will create 2 worker processes")


@WORKERS
def test_two_workers_give_what_none_gives(load) -> None:
    cohort = load()
    plain = list(_module(cohort).train_dataloader())
    worked = list(_module(cohort, workers=2).train_dataloader())
    for one, other in zip(plain, worked, strict=True):
        assert one.patient_id == other.patient_id
        assert torch.equal(one.patches.tokens, other.patches.tokens)
        assert torch.equal(one.covariates, other.covariates)


def test_streaming_holds_one_batch_of_bags_at_a_time(load, monkeypatch) -> None:
    cohort = load()
    reads: list[str] = []
    original = type(cohort.features).read
    monkeypatch.setattr(
        type(cohort.features), "read", lambda self, p: reads.append(p) or original(self, p)
    )
    module = _module(cohort)
    assert reads == []
    for read_batches, _ in enumerate(module.train_dataloader(), start=1):
        assert len(reads) <= 5 * read_batches
    kept = [p for dataset in module._datasets.values() for p in dataset.kept.values()]
    assert not any(len(patient.patches) for patient in kept)


def test_iterating_a_loader_leaves_the_random_state_alone(load) -> None:
    module = _module(load())
    torch.manual_seed(0)
    expected = torch.rand(3)
    torch.manual_seed(0)
    list(module.train_dataloader())
    list(module.val_dataloader())
    assert torch.equal(torch.rand(3), expected)


def test_nothing_is_handed_out_before_the_fit(load) -> None:
    cohort = load()
    folds = make_folds(cohort, n_folds=4, protocol="nested", seed=0)
    with pytest.raises(RuntimeError, match="call setup"):
        SurvivalDataModule(cohort, folds, fold=0).train_dataloader()


@pytest.mark.parametrize("protocol", ["nested", "paper"])
@pytest.mark.parametrize("workers", [0, 2])
def test_a_cached_bag_is_read_once_whatever_the_role_epoch_and_workers(
    load, monkeypatch, protocol, workers
) -> None:
    cohort = load()
    reads: list[str] = []
    original = type(cohort.features).read
    monkeypatch.setattr(
        type(cohort.features), "read", lambda self, p: reads.append(p) or original(self, p)
    )
    folds = make_folds(cohort, n_folds=4, protocol=protocol, seed=0)
    module = SurvivalDataModule(cohort, folds, fold=0, workers=workers, cache=True)
    module.setup()
    for _ in range(2):
        for loader in (
            module.train_dataloader(),
            module.val_dataloader(),
            module.test_dataloader(),
            module.role_dataloader("train"),
        ):
            list(loader)
    assert sorted(reads) == sorted(cohort.table.index)


def test_streamed_bags_are_let_go(load, monkeypatch) -> None:
    cohort = load()
    seen: list[weakref.ref[torch.Tensor]] = []
    original = type(cohort.features).read

    def read(self, patient: str) -> Bag:
        bag = original(self, patient)
        seen.append(weakref.ref(bag.features))
        return bag

    monkeypatch.setattr(type(cohort.features), "read", read)
    module = _module(cohort)
    most = 0
    for batch in module.train_dataloader():
        most = max(most, sum(bag() is not None for bag in seen))
        del batch
    assert len(seen) == len(module.folds.patients(1, "train"))
    assert most <= 5  # no more than the batch at hand
    gc.collect()
    assert all(bag() is None for bag in seen)


def test_editing_held_out_files_changes_no_training_tensor(load, folder) -> None:
    before = load(encoder="hif")
    folds = make_folds(before, n_folds=4, protocol="nested", seed=0)
    held_out = {*folds.patients(1, "val"), *folds.patients(1, "test")}
    for name, at in (("clinical.csv", 4), ("hif.csv", 2)):
        lines = [line.split(",") for line in (folder / name).read_text().splitlines()]
        for cells in lines:
            if cells[0] in held_out:
                cells[at] = "5"
        (folder / name).write_text("\n".join(",".join(cells) for cells in lines))
    after = load(encoder="hif")
    assert after.data_hash != before.data_hash
    one, other = (
        SurvivalDataModule(cohort, folds, fold=1, batch_size=5) for cohort in (before, after)
    )
    one.setup()
    other.setup()
    assert repr(one.transforms_state()) == repr(other.transforms_state())
    for a, b in zip(one.train_dataloader(), other.train_dataloader(), strict=True):
        assert a.patient_id == b.patient_id
        for name in ("coords", "expression", "gene_mask", "covariates", "time_days", "event"):
            assert torch.equal(getattr(a, name), getattr(b, name)), name
        assert torch.equal(a.patches.tokens, b.patches.tokens)
    a, b = next(iter(one.test_dataloader())), next(iter(other.test_dataloader()))
    assert not torch.equal(a.covariates, b.covariates)  # the edit is seen where it was made


@WORKERS
def test_a_bag_that_vanished_is_named_by_a_worker_too(load, folder) -> None:
    module = _module(load(), workers=2)
    patient = module.folds.patients(1, "test")[0]
    (folder / "enc" / f"{patient}-DX1.h5").unlink()
    with pytest.raises(OSError, match=rf"{patient}-DX1\.h5: the file has gone or changed") as error:
        list(module.test_dataloader())
    # Ends the workers here; a garbage collection in a later test would close their pipes twice.
    traceback.clear_frames(error.tb)


def test_the_batch_at_hand_is_known_when_it_is_moved_and_when_it_cannot_be_made(
    load, monkeypatch
) -> None:
    module = _module(load())
    batch = next(iter(module.test_dataloader()))
    assert module.transfer_batch_to_device(batch, torch.device("cpu"), 0) is batch
    assert module.at_hand == (batch.patient_id, batch.patches.counts)

    def full(patients: object) -> None:
        raise MemoryError

    monkeypatch.setattr(datamodule, "collate", full)
    with pytest.raises(MemoryError) as error:
        list(module.role_dataloader("development"))
    assert error.value.__notes__ == ["the largest bag of the batch is that of P00, 6 patches"]


def test_what_a_gpu_keeps_comes_to_the_cpu_that_evaluates(load) -> None:
    if not torch.cuda.is_available():
        pytest.skip("needs a CUDA device")
    cohort = load()
    kept = replace(cohort, features=ResidentStore(cohort.features, torch.device("cuda", 0)))
    one, other = (next(iter(_module(c).test_dataloader())) for c in (cohort, kept))
    assert other.patches.tokens.is_cuda
    moved = _module(kept).transfer_batch_to_device(other, torch.device("cpu"), 0)
    assert torch.equal(moved.patches.tokens, one.patches.tokens)

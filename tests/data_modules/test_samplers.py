from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from data_modules.datamodule import SurvivalDataModule
from data_modules.dataset import Copy, EpochSampler
from data_modules.folds import make_folds
from data_modules.samplers import EventBalancedSampler, RankBatches
from mmsurv.batch import collate

sizes = st.integers(1, 40)


@given(sizes, st.integers(1, 9), st.integers(1, 6))
def test_the_shares_of_all_ranks_are_the_batches_of_one(length, batch_size, world) -> None:
    order = [draw.position for draw in EpochSampler(length, seed=1)]
    whole = [order[i : i + batch_size] for i in range(0, length, batch_size)]
    ranks = [
        RankBatches(EpochSampler(length, seed=1), batch_size, rank=rank, world=world)
        for rank in range(world)
    ]
    shares = [list(rank) for rank in ranks]
    assert [len(rank) for rank in ranks] == [len(share) for share in shares] == [len(whole)] * world
    for number, batch in enumerate(whole):
        parts = [share[number] for share in shares]
        own = [[i for i in part if not isinstance(i, Copy)] for part in parts]
        assert [draw.position for part in own for draw in part] == batch
        assert max(map(len, own)) - min(map(len, own)) <= 1
        # A rank with nobody reads somebody of the same batch, once.
        for part, mine in zip(parts, own, strict=True):
            assert mine or (len(part) == 1 and part[0].of.position in batch)


def test_a_sampler_of_ranks_knows_the_epoch() -> None:
    sampler = EpochSampler(20, seed=2)
    share = RankBatches(sampler, 6, rank=1, world=3)
    first = list(share)
    share.sampler.set_epoch(1)
    assert list(share) != first
    assert {draw.epoch for part in share for draw in part} == {1}


def _modules(cohort, world: int, **options) -> list[SurvivalDataModule]:
    folds = make_folds(cohort, n_folds=4, protocol="nested", seed=0)
    modules = []
    for rank in range(world):
        module = SurvivalDataModule(cohort, folds, fold=1, batch_size=5, **options)
        module.trainer = SimpleNamespace(global_rank=rank, world_size=world)
        module.setup()
        modules.append(module)
    return modules


@pytest.mark.parametrize("world", [2, 4])
def test_the_data_module_deals_training_and_validation_to_ranks(load, world) -> None:
    cohort = load()
    (single,) = _modules(cohort, 1)
    modules = _modules(cohort, world)
    for name in ("train_dataloader", "val_dataloader"):
        loaders = [getattr(module, name)() for module in modules]
        for whole, *parts in zip(getattr(single, name)(), *loaders, strict=True):
            counted = [part for part in parts if part.counted]
            assert sum((part.patient_id for part in counted), ()) == whole.patient_id
            expected = torch.cat([part.patches.tokens for part in counted])
            assert torch.equal(expected, whole.patches.tokens)
    # Scoring reads everybody, wherever it happens.
    for role in ("train", "val", "test"):
        seen = [p for batch in modules[1].role_dataloader(role) for p in batch.patient_id]
        assert seen == single.patients(role)


def test_a_copy_is_the_patient_but_does_not_count(load) -> None:
    (module,) = _modules(load(), 1)
    dataset = module.role_dataset("train")
    copy = dataset[Copy(2)]
    assert copy.patient_id == dataset[2].patient_id
    assert (copy.counted, dataset[2].counted) == (False, True)
    assert not collate([copy]).counted
    with pytest.raises(ValueError, match="cannot share a batch"):
        collate([copy, dataset[0]])


events = st.lists(st.booleans(), min_size=1, max_size=60)


def _batches(event: list[bool], batch_size: int, epoch: int = 0, seed: int = 0) -> list[list[int]]:
    sampler = EventBalancedSampler(event, batch_size, seed)
    sampler.set_epoch(epoch)
    order = [draw.position for draw in sampler]
    return [order[i : i + batch_size] for i in range(0, len(order), batch_size)]


@given(events, st.integers(1, 13), st.integers(0, 5))
def test_events_are_spread_evenly_over_the_batches(event, batch_size, epoch) -> None:
    batches = _batches(event, batch_size, epoch)
    assert sorted(i for batch in batches for i in batch) == list(range(len(event)))
    dealt = [sum(event[i] for i in batch) for batch in batches]
    full = [n for n, batch in zip(dealt, batches, strict=True) if len(batch) == batch_size]
    assert not full or max(full) - min(full) <= 1
    # The last has its share, or nothing but events.
    assert dealt[-1] >= min(len(batches[-1]), max(dealt) - 1)
    assert dealt[-1] <= min(full, default=dealt[-1]) + 1
    assert min(dealt) >= 1 or sum(event) < len(batches)
    assert _batches(event, batch_size, epoch) == batches


@given(st.integers(0, 1000))
def test_who_meets_whom_and_where_events_are_left_over_is_drawn_anew(seed) -> None:
    event = [i % 3 == 0 for i in range(60)]
    first, second = (_batches(event, 12, epoch, seed) for epoch in (0, 1))
    assert first != second
    assert first != _batches(event, 12, 0, seed + 1)
    several = [_batches([True] * 3 + [False] * 21, 12, epoch, seed) for epoch in range(40)]
    assert {sum(i < 3 for i in batches[0]) for batches in several} == {1, 2}
    # Within a batch, events stand anywhere: ranks split it where they like.
    places = {i for batches in several for i, who in enumerate(batches[0]) if who < 3}
    assert len(places) > 6


def test_the_data_module_balances_where_it_is_asked_to(load) -> None:
    cohort = load()
    (module,) = _modules(cohort, 1, sampler="event_balanced", seed=4)
    dealt = [int(batch.event.sum()) for batch in module.train_dataloader()]
    total = sum(module.role_table("train")["event"])
    assert sum(dealt) == total
    assert min(dealt) >= min(1, total // len(dealt))
    shares = [m.train_dataloader() for m in _modules(cohort, 2, sampler="event_balanced", seed=4)]
    for whole, *parts in zip(module.train_dataloader(), *shares, strict=True):
        assert sum((p.patient_id for p in parts if p.counted), ()) == whole.patient_id

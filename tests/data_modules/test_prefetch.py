from __future__ import annotations

import threading
import time
import traceback
from collections.abc import Iterator

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from data_modules.datamodule import SurvivalDataModule
from data_modules.folds import make_folds
from data_modules.prefetch import PrefetchLoader, pin, read_ahead
from mmsurv.batch import collate


def _threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "prefetch"]


@given(st.lists(st.integers(), max_size=20), st.integers(1, 30))
def test_everything_comes_in_its_order_whatever_is_read_ahead(items: list[int], ahead: int) -> None:
    assert list(read_ahead(iter(items), ahead)) == items
    assert not _threads()


def test_no_more_is_read_than_is_asked_for() -> None:
    drawn: list[int] = []

    def source() -> Iterator[int]:
        for i in range(10):
            drawn.append(i)
            yield i

    items = read_ahead(source(), 2)
    assert next(items) == 0
    deadline = time.monotonic() + 5
    while len(drawn) < 3 and time.monotonic() < deadline:
        time.sleep(0.001)
    time.sleep(0.02)
    assert drawn == [0, 1, 2]  # the one in use, and two ahead
    items.close()
    assert not _threads()


def test_an_error_comes_in_its_place_and_ends_the_thread() -> None:
    def source() -> Iterator[int]:
        yield 1
        raise OSError("the file has gone")

    items = read_ahead(source(), 5)
    assert next(items) == 1
    with pytest.raises(OSError, match="the file has gone"):
        next(items)
    assert not _threads()


def test_a_reader_that_stops_early_ends_the_thread() -> None:
    for item in read_ahead(iter(range(100)), 3):
        if item == 4:
            break
    assert not _threads()


def _module(cohort, **options) -> SurvivalDataModule:
    folds = make_folds(cohort, n_folds=4, protocol="nested", seed=0)
    module = SurvivalDataModule(cohort, folds, fold=1, batch_size=5, max_patches=2, **options)
    module.setup()
    return module


def test_batches_read_ahead_are_those_read_when_asked_in_every_epoch(load) -> None:
    cohort = load()
    plain, ahead = _module(cohort), _module(cohort, prefetch=2)
    for epoch in range(2):
        pair = (plain.train_dataloader(), ahead.train_dataloader())
        for loader in pair:
            loader.sampler.set_epoch(epoch)
        assert len(pair[1]) == len(pair[0])
        for one, other in zip(*pair, strict=True):
            assert one.patient_id == other.patient_id
            assert torch.equal(one.patches.tokens, other.patches.tokens)
            assert torch.equal(one.coords, other.coords)


def test_workers_need_no_thread(load) -> None:
    loader = _module(load(), prefetch=2, workers=1).val_dataloader()
    assert isinstance(loader, PrefetchLoader)
    for _ in loader:
        assert not _threads()


@pytest.mark.filterwarnings("ignore:This DataLoader will create 1 worker process")
@pytest.mark.parametrize("how", [{}, {"workers": 1}, {"prefetch": 2}])
def test_the_epoch_is_the_one_of_the_first_batch(load, how) -> None:
    """A resumed run has the iterator before the sampler knows its epoch."""

    def epochs(first: int, later: int) -> list[tuple[str, ...]]:
        loader = _module(load(), **how).train_dataloader()
        loader.sampler.set_epoch(first)
        batches = iter(loader)
        loader.sampler.set_epoch(later)
        return [(*batch.patient_id, str(batch.patches.tokens.sum())) for batch in batches]

    assert epochs(0, 3) == epochs(3, 3) != epochs(0, 0)


def test_a_bag_that_vanished_is_named_by_the_thread_too(load, folder) -> None:
    module = _module(load(), prefetch=1)
    patient = module.folds.patients(1, "test")[0]
    (folder / "enc" / f"{patient}-DX1.h5").unlink()
    with pytest.raises(OSError, match=rf"{patient}-DX1\.h5: the file has gone") as error:
        list(module.test_dataloader())
    traceback.clear_frames(error.tb)
    assert not _threads()


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_pinned_batches_lie_in_page_locked_memory(load) -> None:
    module = _module(load(), prefetch=1, pinned=True)
    for batch in module.val_dataloader():
        assert batch.patches.tokens.is_pinned()
        assert batch.time_days.is_pinned()


def test_pinning_changes_no_value(load) -> None:
    module = _module(load())
    batch = collate([module.role_dataset("val")[i] for i in range(3)])
    for one, other in zip(pin(batch), batch, strict=True):
        same = one.tokens if hasattr(one, "tokens") else one
        expected = other.tokens if hasattr(other, "tokens") else other
        assert torch.equal(same, expected) if isinstance(same, torch.Tensor) else same == expected

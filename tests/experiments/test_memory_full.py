from __future__ import annotations

import errno
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pytest
import torch

from data_modules.cohort import load_cohort
from data_modules.datamodule import Bags, SurvivalDataModule
from data_modules.features import Bag, BagStore
from data_modules.folds import make_folds
from data_modules.manifest import load_manifest
from experiments import parallel
from experiments.attempts import attempt, outcome
from experiments.cells import Cell, work
from experiments.config import RunConfig
from experiments.config_parts import DataConfig
from experiments.memory_full import MemoryFullError, told_when_full
from experiments.run import main
from mmsurv.task import SurvivalTask

ALLOCATOR = RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: 9 bytes\nat C")
ERRORS = [
    ALLOCATOR,
    MemoryError(),
    torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 9 GiB"),
    OSError(errno.ENOMEM, "Cannot allocate memory"),
    RuntimeError(
        "DataLoader worker (pid 7) is killed by signal: Bus error. It is possible that "
        "dataloader's workers are out of shared memory."
    ),
    RuntimeError("DataLoader worker (pid 7) is killed by signal: Killed. "),
    RuntimeError("unable to write to file </torch_7_1>: No space left on device (28)"),
]


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_a_full_memory_names_the_largest_bag_and_the_flags_that_help(error) -> None:
    data = SimpleNamespace(at_hand=Bags(("P1", "P2", "P3"), (4, 90_000, 7)))
    with (
        pytest.raises(MemoryFullError, match="that of P2, 90,000 patches") as told,
        told_when_full(RunConfig(), data, "training of fold0", Path("none")),
    ):
        raise error
    text = str(told.value)
    assert "\n" not in text
    for flag in ("--data.max_patches", "--pooling latent", "--data.batch_size (now 12)"):
        assert flag in text


def test_the_batch_that_could_not_be_read_is_told_and_not_the_one_before() -> None:
    data = SimpleNamespace(at_hand=Bags(("P1",), (4,)))
    error = MemoryError()
    error.add_note("the largest bag of the batch is that of P9, 70 patches")
    with (
        pytest.raises(MemoryFullError) as told,
        told_when_full(RunConfig(), data, "training", Path("none")),
    ):
        raise error
    assert "P9" in str(told.value)
    assert "P1," not in str(told.value)


@pytest.mark.parametrize("workers", [0, 1])
def test_the_bag_that_could_not_be_read_is_told(toy_manifest, monkeypatch, workers) -> None:
    """Not the largest of the batch before it."""
    cohort = load_cohort(load_manifest(toy_manifest))
    folds = make_folds(cohort, n_folds=2, protocol="nested", seed=0)
    data = SurvivalDataModule(cohort, folds, fold=0, batch_size=4, workers=workers)
    data.setup()
    data.at_hand = Bags(("before",), (9_000,))
    patient = next(p for p in data.patients("test")[4:] if p in cohort.features.patients())
    read = type(cohort.features).read

    def lacking(store: BagStore, of: str) -> Bag:
        if of == patient:
            raise MemoryError("Unable to allocate 30.0 GiB")
        return read(store, of)

    monkeypatch.setattr(type(cohort.features), "read", lacking)
    with (
        pytest.raises(MemoryFullError, match=f"the bag that was being read is that of {patient};"),
        told_when_full(RunConfig(), data, "training", Path("none")),
    ):
        list(data.role_dataloader("test"))


def test_a_reader_that_was_ended_tells_of_the_batch_before() -> None:
    data = SimpleNamespace(at_hand=Bags(("P1",), (4,)))
    with (
        pytest.raises(MemoryFullError, match="the last batch that was read: the largest bag"),
        told_when_full(RunConfig(), data, "training", Path("none")),
    ):
        raise ERRORS[5]


def test_a_worker_that_was_ended_is_seen_behind_the_news_of_it() -> None:
    config = replace(RunConfig(), data=DataConfig(workers=2))
    data = SimpleNamespace(at_hand=None)
    with (
        pytest.raises(MemoryFullError, match=r"fewer --data\.workers \(now 2\)"),
        told_when_full(config, data, "training", Path("none")),
    ):
        raise RuntimeError("DataLoader worker (pid(s) 7) exited unexpectedly") from ERRORS[-2]


def test_a_checkpoint_is_promised_only_where_there_is_one(tmp_path) -> None:
    data = SimpleNamespace(at_hand=None)
    for name, told in (("none", "There is no checkpoint yet"), ("last", "The last checkpoint is")):
        (tmp_path / f"{name}.ckpt").touch()
        with (
            pytest.raises(MemoryFullError, match=told),
            told_when_full(RunConfig(), data, "training", tmp_path),
        ):
            raise MemoryError


@pytest.mark.parametrize(
    "error",
    [
        RuntimeError("shapes differ"),
        OSError(errno.ENOENT, "no"),
        RuntimeError("DataLoader worker (pid 7) is killed by signal: Segmentation fault. "),
    ],
)
def test_other_errors_stay_what_they_are(error) -> None:
    with (
        pytest.raises(type(error)) as found,
        told_when_full(RunConfig(), SimpleNamespace(at_hand=None), "training", Path("none")),
    ):
        raise error
    assert found.value is error


def test_a_run_that_lacked_memory_keeps_its_checkpoint_and_goes_on(
    run, finished, tmp_path, monkeypatch, capsys
) -> None:
    original = SurvivalTask.training_step

    def step(self: SurvivalTask, batch, batch_idx: int) -> torch.Tensor:
        if self.current_epoch == 1:
            raise ALLOCATOR
        return original(self, batch, batch_idx)

    with monkeypatch.context() as patch:
        patch.setattr(SurvivalTask, "training_step", step)
        assert run(out="full") == 1
    told = capsys.readouterr().err
    assert told.startswith("error: memory did not suffice in training of fold0: the largest bag")
    assert told.endswith("then --resume --out full\n")
    patients = pd.read_csv(tmp_path / "full" / "folds.csv")["patient_id"]
    assert any(f"that of {patient}, " in told for patient in patients)
    assert (tmp_path / "full" / "fold0" / "last.ckpt").is_file()
    assert main(["--resume", "--out", "full", "--logger", "csv"]) == 0
    expected = (finished / "predictions.csv").read_bytes()
    assert (tmp_path / "full" / "predictions.csv").read_bytes() == expected


def test_side_by_side_it_ends_as_the_same_line(run, tmp_path, monkeypatch, capsys) -> None:
    def lacks(cell: Cell) -> str:
        if cell.fold == 1:
            with told_when_full(cell.config, SimpleNamespace(at_hand=None), "training", tmp_path):
                raise ALLOCATOR
        return work(cell)

    def in_turn(work, tasks, **how: object):  # noqa: ANN202
        for index, task in enumerate(tasks):
            yield index, outcome(attempt(work, task))

    monkeypatch.setattr(parallel, "fan_out", in_turn)
    monkeypatch.setattr(parallel, "work", lacks)
    assert run("--trainer.max_epochs", "1", "--jobs", "2") == 1
    told = capsys.readouterr().err
    assert told.startswith("error: memory did not suffice in training: ")
    assert "fewer --jobs; 1 of 2 cells lacked memory" in told
    assert told.endswith("then --resume --out run\n")
    assert told.count("\n") == 1
    assert (tmp_path / "run" / "fold0" / "predictions.csv").is_file()

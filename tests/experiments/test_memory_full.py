from __future__ import annotations

import errno
from types import SimpleNamespace

import pandas as pd
import pytest
import torch

from data_modules.datamodule import Bags
from experiments.config import RunConfig
from experiments.memory_full import MemoryFullError, told_when_full
from experiments.run import main
from mmsurv.task import SurvivalTask

ALLOCATOR = RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: 9 bytes\nat C")
ERRORS = [
    ALLOCATOR,
    MemoryError(),
    torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 9 GiB"),
    OSError(errno.ENOMEM, "Cannot allocate memory"),
]


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_a_full_memory_names_the_largest_bag_and_the_flags_that_help(error) -> None:
    data = SimpleNamespace(at_hand=Bags(("P1", "P2", "P3"), (4, 90_000, 7)))
    with (
        pytest.raises(MemoryFullError, match="that of P2, 90,000 patches") as told,
        told_when_full(RunConfig(), data, "training of fold0"),
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
    with pytest.raises(MemoryFullError) as told, told_when_full(RunConfig(), data, "training"):
        raise error
    assert "P9" in str(told.value)
    assert "P1," not in str(told.value)


@pytest.mark.parametrize("error", [RuntimeError("shapes differ"), OSError(errno.ENOENT, "no")])
def test_other_errors_stay_what_they_are(error) -> None:
    with (
        pytest.raises(type(error)) as found,
        told_when_full(RunConfig(), SimpleNamespace(at_hand=None), "training"),
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

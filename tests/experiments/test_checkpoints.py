from __future__ import annotations

import errno
import pickle
import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from experiments.checkpoints import AtomicCheckpointIO, add_to_checkpoint, read_checkpoint


class Killed(BaseException):
    """Stands in for a signal."""


def _save(path: Path, **content: object) -> None:
    AtomicCheckpointIO().save_checkpoint(content, path)


def test_what_is_saved_is_read_back_and_nothing_else_is_left(tmp_path) -> None:
    path = tmp_path / "new" / "a.ckpt"
    _save(path, weight=torch.arange(3.0), epoch=2, name="x")
    content = read_checkpoint(path)
    assert content["weight"].tolist() == [0.0, 1.0, 2.0]
    assert (content["epoch"], content["name"]) == (2, "x")
    assert [p.name for p in path.parent.iterdir()] == ["a.ckpt"]


def test_a_kill_while_writing_leaves_the_old_file(tmp_path, monkeypatch) -> None:
    path = tmp_path / "a.ckpt"
    _save(path, epoch=1)

    def half(content: object, aside: Path) -> None:
        Path(aside).write_bytes(b"PK half a file")
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(torch, "save", half)
        with pytest.raises(Killed):
            _save(path, epoch=2)
        with pytest.raises(Killed):
            add_to_checkpoint(path, cut=0.5)
    assert read_checkpoint(path) == {"epoch": 1}


def test_what_a_harder_kill_leaves_beside_is_overwritten(tmp_path) -> None:
    (tmp_path / ".a.ckpt.partial").write_bytes(b"PK half a file")
    _save(tmp_path / "a.ckpt", epoch=3)
    assert read_checkpoint(tmp_path / "a.ckpt") == {"epoch": 3}
    assert [p.name for p in tmp_path.iterdir()] == ["a.ckpt"]


def test_entries_are_added_and_replaced(tmp_path) -> None:
    path = tmp_path / "a.ckpt"
    _save(path, epoch=1, cut=0.0)
    add_to_checkpoint(path, cut=0.5, baseline={"time_days": torch.ones(2)})
    content = read_checkpoint(path)
    assert (content["epoch"], content["cut"]) == (1, 0.5)
    assert content["baseline"]["time_days"].tolist() == [1.0, 1.0]


def test_a_file_that_would_run_code_is_refused(tmp_path) -> None:
    path = tmp_path / "a.ckpt"
    _save(path, harmful=Path("x"))
    with pytest.raises(pickle.UnpicklingError):
        read_checkpoint(path)


def test_the_same_content_is_the_same_bytes(tmp_path) -> None:
    for folder in ("a", "b"):
        _save(tmp_path / folder / "best.ckpt", weight=torch.arange(3.0))
    first, second = ((tmp_path / folder / "best.ckpt").read_bytes() for folder in ("a", "b"))
    assert first == second


def test_a_full_disk_is_told_as_such(tmp_path, monkeypatch) -> None:
    def short(content: object, path: Path) -> None:
        raise RuntimeError("[enforce fail at inline_container.cc:672] . unexpected pos 1 vs 2")

    monkeypatch.setattr(torch, "save", short)
    with pytest.raises(RuntimeError, match="unexpected pos"):
        AtomicCheckpointIO().save_checkpoint({}, tmp_path / "best.ckpt")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=56_000))
    with pytest.raises(OSError, match="No space left") as told:
        AtomicCheckpointIO().save_checkpoint({}, tmp_path / "best.ckpt")
    assert told.value.errno == errno.ENOSPC

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from experiments import parallel
from experiments.cells import Cell, work
from experiments.run import main

SAME = ("predictions.csv", "metrics.json", "metrics.csv", "folds.csv", "fold0/history.csv",
        "baselines.csv", "baselines.json", "baselines/forest_all.csv")  # fmt: skip


def _in_turn(
    work: Callable[[Any], Any], tasks: Sequence[Any], *, jobs: int, cluster: str
) -> Iterator[tuple[int, Any]]:
    """As `fan_out`, here and from the last to the first."""
    for index in reversed(range(len(tasks))):
        try:
            yield index, work(tasks[index])
        except Exception as error:
            yield index, error


@pytest.mark.slow
def test_two_processes_leave_the_bytes_of_one(run, finished_classical, tmp_path) -> None:
    flags = ("--trainer.max_epochs", "1", "--baselines", "true", "--jobs", "2")
    assert run(*flags) == 0
    for name in SAME:
        assert (tmp_path / "run" / name).read_bytes() == (finished_classical / name).read_bytes(), (
            name
        )


def test_any_order_leaves_the_same_bytes(run, finished_classical, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(parallel, "fan_out", _in_turn)
    flags = ("--trainer.max_epochs", "1", "--baselines", "true", "--jobs", "2")
    assert run(*flags) == 0
    for name in SAME:
        assert (tmp_path / "run" / name).read_bytes() == (finished_classical / name).read_bytes(), (
            name
        )
    assert (tmp_path / "run" / "csv" / "fold1" / "metrics.csv").is_file()


def test_a_failing_cell_ends_no_other_and_is_taken_up(run, tmp_path, monkeypatch, capsys) -> None:
    def breaks(cell: Cell) -> str:
        if cell.fold == 1 and not (tmp_path / "mended").exists():
            raise ValueError("the disk is full")
        return work(cell)

    monkeypatch.setattr(parallel, "fan_out", _in_turn)
    monkeypatch.setattr(parallel, "work", breaks)
    with pytest.raises(RuntimeError, match="1 of 2 cells failed"):
        run("--trainer.max_epochs", "1", "--jobs", "2")
    assert "fold1: failed, ValueError: the disk is full" in capsys.readouterr().out
    assert (tmp_path / "run" / "fold0" / "predictions.csv").is_file()
    (tmp_path / "mended").touch()
    assert main(["--resume", "--out", "run", "--logger", "csv"]) == 0
    printed = capsys.readouterr().out
    assert "fold0: done before" in printed
    assert "fold1 of 2: 1 epochs" in printed


def test_no_such_cluster_is_bad_input(run, capsys) -> None:
    assert run("--cluster", "cloud", "--trainer.max_epochs", "1") == 2
    assert "cloud" in capsys.readouterr().err


def test_the_number_of_processes_may_change_in_a_resumed_run(
    finished, tmp_path, monkeypatch
) -> None:
    import shutil

    folder = shutil.copytree(finished, Path(tmp_path) / "run")
    assert main(["--resume", "--out", str(folder), "--jobs", "2", "--logger", "csv"]) == 0
    assert (folder / "metrics.json").read_bytes() == (finished / "metrics.json").read_bytes()

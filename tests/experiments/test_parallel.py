from __future__ import annotations

import errno
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from data_modules.problems import BadInput, Problem
from experiments import over_dask, parallel
from experiments.attempts import LostClusterError
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
def test_two_processes_leave_the_bytes_of_one(run, finished_classical, tmp_path, forking) -> None:
    flags = ("--trainer.max_epochs", "1", "--baselines", "true", "--jobs", "2")
    with forking():
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


def test_a_full_disk_ends_side_by_side_as_the_line_that_it_is_alone(
    run, monkeypatch, capsys
) -> None:
    def full(cell: Cell) -> str:
        raise OSError(errno.ENOSPC, "No space left on device", "fold0/predictions.csv")

    monkeypatch.setattr(parallel, "fan_out", _in_turn)
    monkeypatch.setattr(parallel, "work", full)
    assert run("--jobs", "2") == 1
    told = capsys.readouterr().err
    assert told.startswith("error: fold0/predictions.csv: No space left on device; what is done")
    assert told.endswith("then --resume --out run\n")


def test_a_scheduler_that_is_lost_ends_the_run_in_a_line(run, monkeypatch, capsys) -> None:
    def lost(*given: object, **how: object) -> Iterator[tuple[int, Any]]:
        raise LostClusterError("the scheduler of tcp://host:8786 is lost: closed")
        yield

    monkeypatch.setattr(parallel, "fan_out", lost)
    assert run("--jobs", "2") == 1
    told = capsys.readouterr().err
    assert told == (
        "error: the scheduler of tcp://host:8786 is lost: closed; what is done is kept: "
        "--resume --out run with another --cluster, or --cluster '' for none\n"
    )


def test_what_only_workers_could_see_is_bad_input_too(run, monkeypatch, capsys) -> None:
    def lacks(cell: Cell) -> str:
        raise BadInput([Problem("--data.resident=on", None, None, "too large for this node")])

    monkeypatch.setattr(parallel, "fan_out", _in_turn)
    monkeypatch.setattr(parallel, "work", lacks)
    assert run("--jobs", "2") == 2
    assert "--data.resident=on: too large for this node" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("flags", "told"),
    [
        (("--cluster", "cloud"), "'cloud' is no cluster"),
        (("--cluster", "tcp://127.0.0.1:9"), "no scheduler answers at tcp://127.0.0.1:9"),
        (("--jobs", "0"), "--jobs: 0"),
        (("--cluster", "cloud", "--arms", "genes", "clinical"), "'cloud' is no cluster"),
    ],
)
def test_what_cells_cannot_be_given_to_is_refused_before_anything_is_written(
    run, tmp_path, monkeypatch, capsys, flags, told
) -> None:
    monkeypatch.setattr(over_dask, "TIMEOUT", 0.3)
    assert run(*flags) == 2
    assert told in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def test_the_number_of_processes_may_change_in_a_resumed_run(
    finished, tmp_path, monkeypatch
) -> None:
    import shutil

    folder = shutil.copytree(finished, Path(tmp_path) / "run")
    assert main(["--resume", "--out", str(folder), "--jobs", "2", "--logger", "csv"]) == 0
    assert (folder / "metrics.json").read_bytes() == (finished / "metrics.json").read_bytes()

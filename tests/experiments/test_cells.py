from __future__ import annotations

import dataclasses
import pickle
import shutil
import threading
from pathlib import Path

import pytest
from filelock import FileLock

from data_modules.features import ResidentStore
from data_modules.folds import make_folds
from experiments import cells
from experiments.cells import Cell, member_folder, run_cell, stages_of, work
from experiments.config import RunConfig
from experiments.context import RunContext, for_other_processes
from experiments.fast_bags import KeptBags
from experiments.parsing import parse_run


def test_members_have_folders_only_where_there_are_several() -> None:
    config = RunConfig()
    assert member_folder(Path("run"), config, 2, 0) == Path("run/fold2")
    config = dataclasses.replace(config, ensemble=2)
    assert member_folder(Path("run"), config, 2, 1) == Path("run/fold2/member1")


def test_members_come_before_the_folds_that_need_them(cohort, tmp_path) -> None:
    folds = make_folds(cohort, n_folds=2, protocol="nested", seed=0)
    config = RunConfig(folds=2, ensemble=2)
    first, second = stages_of(RunContext(config, tmp_path, cohort, folds), config)
    assert [cell.name for cell in first] == [f"fold{k}/member{m}" for k in (0, 1) for m in (0, 1)]
    assert [cell.part for cell in second] == ["fold", "fold", "classical", "classical"]
    alone = RunConfig(folds=2, only_folds=(1,), baselines=False)
    first, second = stages_of(RunContext(alone, tmp_path, cohort, folds), alone)
    assert (first, [cell.name for cell in second]) == ([], ["fold1"])


def test_a_finished_run_has_every_mark(finished_classical) -> None:
    config = parse_run(["--config", str(finished_classical / "config.yaml")])
    for fold in (0, 1):
        for part in ("fold", "classical"):
            cell = Cell(config, finished_classical, fold, part)
            assert cell.mark.is_file()
            assert pickle.loads(pickle.dumps(cell)) == cell


def test_a_cell_that_another_process_ends_meanwhile_is_not_done_again(
    finished_classical, tmp_path, monkeypatch, quiet_console, capsys
) -> None:
    cell = Cell(parse_run([]), tmp_path, 0, "fold")
    cell.mark.parent.mkdir()
    lock = FileLock(cell.mark.with_name(f".{cell.mark.name}.lock"), thread_local=False)
    monkeypatch.setattr(cells, "_do", lambda *given: pytest.fail("it was done again"))
    lock.acquire()

    def end() -> None:
        cell.mark.touch()
        lock.release()

    threading.Timer(0.3, end).start()
    run_cell(cell, None, None, quiet_console)  # type: ignore[arg-type]
    assert "fold0: another process is at it, and is waited for" in capsys.readouterr().err
    assert quiet_console.file.getvalue() == "fold0: done meanwhile\n"


def test_a_lost_cell_is_done_again_to_the_same_bytes(
    finished_classical, tmp_path, monkeypatch
) -> None:
    """As another process does it: from the folder alone."""
    folder = shutil.copytree(finished_classical, tmp_path / "run")
    config = for_other_processes(parse_run(["--config", str(folder / "config.yaml")]))
    monkeypatch.chdir(tmp_path)
    for name, part in (("predictions.csv", "fold"), ("baselines.json", "classical")):
        home = folder / "fold1"
        before = (home / name).read_bytes()
        for file in home.glob("*") if part == "fold" else [home / name]:
            if not file.name.startswith("baselines") or part == "classical":
                file.unlink()
        printed = work(Cell(config, folder, 1, part))
        assert printed.startswith("fold1 of 2: ")
        assert (home / name).read_bytes() == before


def test_an_ensemble_is_the_same_by_members_and_at_once(
    finished_paper, tmp_path, monkeypatch
) -> None:
    folder = shutil.copytree(finished_paper, tmp_path / "run")
    config = for_other_processes(parse_run(["--config", str(folder / "config.yaml")]))
    before = (folder / "fold1" / "predictions.csv").read_bytes()
    shutil.rmtree(folder / "fold1")
    for member in (1, 0):
        work(Cell(config, folder, 1, "member", member))
    monkeypatch.setattr(cells, "train_member", None)  # everything is trained
    work(Cell(config, folder, 1, "fold"))
    assert (folder / "fold1" / "predictions.csv").read_bytes() == before


def test_a_worker_holds_two_runs_and_their_common_bags_once(
    finished, tmp_path, monkeypatch
) -> None:
    monkeypatch.setattr(cells, "_open", {})
    monkeypatch.setattr(cells, "_kept", KeptBags())
    config = for_other_processes(parse_run(["--config", str(finished / "config.yaml")]))
    folders = [shutil.copytree(finished, tmp_path / name) for name in "abc"]
    one, two = (cells._opened(config, folder) for folder in folders[:2])
    assert isinstance(one.cohort.features, ResidentStore)
    assert two.cohort.features is one.cohort.features
    assert cells._opened(config, folders[0]) is one
    cells._opened(config, folders[2])
    assert [folder for _, folder in cells._open] == [folders[0], folders[2]]

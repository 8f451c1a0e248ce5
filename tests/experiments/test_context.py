from __future__ import annotations

import dataclasses
from pathlib import Path

import dask
import dask_jobqueue  # noqa: F401 - its defaults come first
import pytest

from data_modules.features import PackedStore, ResidentStore
from data_modules.folds import make_folds
from data_modules.folds_file import write_folds
from data_modules.problems import BadInput
from experiments import fast_bags
from experiments.cohorts import open_cohort
from experiments.config import RunConfig
from experiments.config_parts import DataConfig
from experiments.context import (
    RunContext,
    fold_indices,
    for_other_processes,
    reopen,
    start_run,
    stored_or_drawn,
)


def test_all_folds_or_those_asked_for_in_order(cohort) -> None:
    folds = make_folds(cohort, n_folds=3, protocol="nested", seed=0)
    assert fold_indices(RunConfig(folds=5), folds) == [0, 1, 2]  # --folds_file may have fewer
    assert fold_indices(RunConfig(only_folds=(2, 0)), folds) == [0, 2]


def test_a_killed_run_keeps_its_folds(cohort, tmp_path) -> None:
    other = make_folds(cohort, n_folds=2, protocol="nested", seed=99)
    write_folds(other, tmp_path / "folds.csv")
    config = RunConfig(folds=2)
    assert stored_or_drawn(config, tmp_path, cohort).hash != other.hash
    resumed = dataclasses.replace(config, resume=True)
    assert stored_or_drawn(resumed, tmp_path, cohort).hash == other.hash


def test_another_process_opens_the_same(cohort, toy_manifest, tmp_path, quiet_console) -> None:
    config = RunConfig(cohort=str(toy_manifest), modalities=("genes", "clinical"), folds=2)
    folds = stored_or_drawn(config, tmp_path, cohort)
    context = start_run(config, tmp_path / "run", cohort, folds, quiet_console)
    again = reopen(for_other_processes(config), tmp_path / "run")
    assert again.cohort.data_hash == context.cohort.data_hash
    assert again.folds.hash == context.folds.hash
    assert "run folder" in quiet_console.file.getvalue()


@pytest.mark.parametrize("data", [DataConfig(resident="on"), DataConfig(cache=True)])
def test_what_others_keep_is_not_counted_again(
    toy_manifest, tmp_path, quiet_console, monkeypatch, data
) -> None:
    config = RunConfig(cohort=str(toy_manifest), modalities=("image",), folds=2, jobs=3, data=data)
    cohort = open_cohort(config, quiet_console)
    start_run(config, tmp_path, cohort, stored_or_drawn(config, tmp_path, cohort), quiet_console)
    # Two of three have read theirs: what is left suffices for the third alone.
    monkeypatch.setattr(fast_bags, "free_bytes", lambda device: cohort.features.nbytes())
    assert isinstance(reopen(config, tmp_path).cohort.features, ResidentStore)


def test_a_worker_elsewhere_counts_its_own_machine_and_finds_the_same_pack(
    toy_manifest, tmp_path, quiet_console, monkeypatch
) -> None:
    monkeypatch.chdir(tmp_path)
    data = DataConfig(store="packed", packed_in="packs", resident="auto")
    config = RunConfig(
        cohort=str(toy_manifest),
        modalities=("image",),
        folds=2,
        jobs=50,
        cluster="slurm",
        data=data,
    )
    cohort = open_cohort(config, quiet_console)
    assert isinstance(cohort.features, PackedStore)
    folds = stored_or_drawn(config, tmp_path, cohort)
    start_run(config, tmp_path / "run", cohort, folds, quiet_console)
    asked = for_other_processes(config)
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    # Room for those of one process.
    monkeypatch.setattr(fast_bags, "free_bytes", lambda device: 3 * cohort.features.nbytes())
    again = reopen(asked, tmp_path / "run").cohort.features
    assert isinstance(again, ResidentStore)
    assert not (tmp_path / "elsewhere" / "packs").exists()


def test_what_others_of_a_job_keep_is_not_counted_again(
    toy_manifest, tmp_path, quiet_console, monkeypatch
) -> None:
    data = DataConfig(resident="on")
    config = RunConfig(
        cohort=str(toy_manifest), modalities=("image",), folds=2, cluster="slurm", data=data
    )
    cohort = open_cohort(config, quiet_console)
    start_run(config, tmp_path, cohort, stored_or_drawn(config, tmp_path, cohort), quiet_console)
    monkeypatch.setattr(fast_bags, "free_bytes", lambda device: cohort.features.nbytes())
    with dask.config.set({"jobqueue.slurm.processes": 4}):
        assert isinstance(reopen(config, tmp_path).cohort.features, ResidentStore)


def test_changed_data_are_refused_before_anything_is_written(
    cohort, tmp_path, quiet_console
) -> None:
    config = RunConfig(folds=2)
    folds = stored_or_drawn(config, tmp_path, cohort)
    start_run(config, tmp_path, cohort, folds, quiet_console)
    changed = dataclasses.replace(cohort, data_hash="other")
    with pytest.raises(BadInput, match="data_hash"):
        start_run(dataclasses.replace(config, resume=True), tmp_path, changed, folds, quiet_console)


def test_paths_hold_in_any_folder(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    config = for_other_processes(RunConfig(cohort="cohort.yaml", resume=True, out="run"))
    assert Path(config.cohort) == tmp_path.resolve() / "cohort.yaml"
    assert not config.resume


def test_the_toy_cohort_is_found_by_its_manifest(tmp_path, monkeypatch) -> None:
    from data_modules.toy_truth import ToyConfig

    monkeypatch.chdir(tmp_path)
    toy = ToyConfig(patients=12, patches_min=1, patches_max=2)
    config = for_other_processes(RunConfig(toy=toy))
    assert Path(config.cohort).is_file()
    assert Path(config.cohort).is_absolute()


def test_bags_are_pooled_once(cohort, tmp_path) -> None:
    folds = make_folds(cohort, n_folds=2, protocol="nested", seed=0)
    context = RunContext(RunConfig(), tmp_path, cohort, folds)
    assert context.pooled is context.pooled

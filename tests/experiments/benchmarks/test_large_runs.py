from __future__ import annotations

import subprocess

import h5py
import pytest

from data_modules.cohort import load_cohort
from data_modules.manifest import load_manifest
from experiments.benchmarks import large_runs
from experiments.parsing import parse_run


def test_a_cohort_of_wide_bags_is_one_that_a_run_reads(tmp_path) -> None:
    manifest = large_runs.wide_cohort(tmp_path, patients=40, patches=7, width=12)
    cohort = load_cohort(load_manifest(manifest))
    assert cohort.features is not None
    assert cohort.features.width == 12
    name = sorted(cohort.features.patients())[0]
    assert cohort.features.read(name).features.shape[1] == 12
    with h5py.File(next(manifest.parent.rglob("maxvit/*.h5"))) as file:
        assert file["features"].shape == (7, 12)


@pytest.mark.parametrize(("seconds", "jobs", "protocol"), [(30.0, "no", "yes"), (2e3, "no", "no")])
def test_runs_are_held_against_their_bars(seconds, jobs, protocol, monkeypatch) -> None:
    asked: list[list[str]] = []
    monkeypatch.setattr(large_runs, "_seconds", lambda flags, **how: asked.append(flags) or seconds)
    assert large_runs.jobs_row(40)["holds"] == jobs
    assert (
        large_runs.jobs_row(40, 2)["measure"] == "five folds, 2 draws, toy cohort of 40, --jobs 2"
    )
    row = large_runs.protocol_row(40, 3, 8, 1)
    assert (row["holds"], row["value"]) == (protocol, seconds / 60)
    assert large_runs.table_row(1)["holds"] == protocol
    assert [flags[flags.index("--jobs") + 1] for flags in asked] == ["1", "2"] * 2 + ["2"] * 2
    assert [flags[flags.index("--repeats") + 1] for flags in asked[:4]] == ["1", "1", "2", "2"]
    assert asked[-1][1].endswith("table1.yaml")


def test_the_paper_s_table_is_a_configuration_that_parses(monkeypatch) -> None:
    """Its classical column needs the classical models, which other rows leave out."""
    commands: list[list[str]] = []

    def run(words, **how) -> subprocess.CompletedProcess:
        commands.append(words[words.index("experiments.run") + 1 :])
        return subprocess.CompletedProcess(words, 0)

    monkeypatch.setattr(subprocess, "run", run)
    large_runs.table_row(1)
    large_runs.protocol_row(40, 3, 8, 1)
    table, protocol = (parse_run(words) for words in commands)
    assert (table.baselines, protocol.baselines) == (True, False)


def test_a_gpu_trains_on_all_patches_in_one_process(monkeypatch) -> None:
    asked: list[list[str]] = []
    monkeypatch.setattr(large_runs, "_seconds", lambda flags: asked.append(flags) or 90.0)
    row = large_runs.protocol_row(40, 3, 8, 1, gpu=True)
    assert (row["bar"], row["holds"]) == ("<= 1", "no")
    assert {"self_attention", "gpu", "bf16-mixed"} <= set(asked[0])
    assert "--jobs" not in asked[0]


def test_a_run_that_fails_is_not_measured() -> None:
    with pytest.raises(RuntimeError, match="a run ended with 2"):
        large_runs._seconds(["--fusion", "nonsense"])

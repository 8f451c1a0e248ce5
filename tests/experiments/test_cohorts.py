from __future__ import annotations

import dataclasses

import pytest

from data_modules.problems import BadInput
from data_modules.toy_truth import ToyConfig
from experiments.cohorts import open_cohort
from experiments.config import RunConfig

SMALL = RunConfig(toy=ToyConfig(patients=30, patches_min=2, patches_max=3), modalities=("genes",))


def test_the_toy_cohort_is_built_once_and_its_path_printed(
    tmp_path, monkeypatch, quiet_console
) -> None:
    monkeypatch.chdir(tmp_path)
    first = open_cohort(SMALL, quiet_console)
    printed = quiet_console.file.getvalue()
    (folder,) = (tmp_path / "data").iterdir()
    assert "building the toy cohort of 30 patients" in printed
    assert f"data/{folder.name}/cohort.yaml" in printed
    assert "C-index of the true log hazard: 0." in printed
    assert "30 patients" in printed
    assert "  attention: per_bag on cpu, 32-true\n" in printed
    changed = (folder / "cohort.yaml").stat().st_mtime_ns
    second = open_cohort(SMALL, quiet_console)
    assert quiet_console.file.getvalue().count("building") == 1
    assert (folder / "cohort.yaml").stat().st_mtime_ns == changed
    assert second.data_hash == first.data_hash
    other = dataclasses.replace(SMALL, toy=dataclasses.replace(SMALL.toy, seed=1))
    assert open_cohort(other, quiet_console).data_hash != first.data_hash
    assert len(list((tmp_path / "data").iterdir())) == 2


def test_only_what_the_run_asks_for_is_read(toy_manifest, quiet_console) -> None:
    cohort = open_cohort(dataclasses.replace(SMALL, cohort=str(toy_manifest)), quiet_console)
    assert cohort.modalities == ("genes",)
    assert cohort.features is None
    assert not cohort.covariates
    assert cohort.expression is not None
    printed = quiet_console.file.getvalue()
    assert f"cohort: {toy_manifest}" in printed
    assert "true log hazard" not in printed
    assert "note:" in printed  # who lacks genes


def test_a_missing_manifest_is_bad_input(tmp_path, quiet_console) -> None:
    with pytest.raises(BadInput, match=r"none\.yaml"):
        open_cohort(RunConfig(cohort=str(tmp_path / "none.yaml")), quiet_console)
    assert quiet_console.file.getvalue() == ""

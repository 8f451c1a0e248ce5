from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pandas as pd
import pytest

from data_modules.cohort import load_cohort
from data_modules.manifest import load_manifest
from data_modules.toy import build_toy, toy_folder
from data_modules.toy_truth import ToyConfig

SMALL = ToyConfig(patients=50, patches_min=4, patches_max=8, lacking=0.1)


def _content(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_it_is_read_by_the_code_that_reads_real_cohorts(tmp_path) -> None:
    manifest = build_toy(SMALL, tmp_path)
    for encoder, width in (("maxvit", 64), ("resnet50", 96)):
        cohort = load_cohort(load_manifest(manifest), encoder=encoder)
        assert len(cohort.table) == 50
        assert cohort.features.width == width
        assert len(cohort.features.patients()) == 45
        assert len(cohort.expression) == 45
        assert set(cohort.table["subtype"]) == {"LumA", "LumB"}
        assert len(set(cohort.table["site"])) > 1


def test_it_states_its_oracle_and_hides_its_truth(tmp_path) -> None:
    folder = build_toy(SMALL, tmp_path).parent
    oracle = json.loads((folder / "oracle.json").read_text())["c_index"]
    assert set(oracle) == {"oracle", "image", "genes", "clinical", "without_interaction"}
    truth = pd.read_csv(folder / "truth.csv")
    assert len(truth) == 50
    assert "truth" not in (folder / "cohort.yaml").read_text().replace("truth.csv", "")


def test_the_same_options_are_the_same_bytes_and_are_not_built_twice(tmp_path) -> None:
    one = build_toy(SMALL, tmp_path / "a").parent
    other = build_toy(SMALL, tmp_path / "b").parent
    assert _content(one) == _content(other)
    stamp = (one / "clinical.csv").stat().st_mtime_ns
    assert build_toy(SMALL, tmp_path / "a").parent == one
    assert (one / "clinical.csv").stat().st_mtime_ns == stamp


def test_every_option_has_a_folder_of_its_own(tmp_path) -> None:
    configs = [ToyConfig(), ToyConfig(seed=1), ToyConfig(signal=0.5), ToyConfig(patients=401)]
    assert len({toy_folder(config, tmp_path) for config in configs}) == 4


def test_a_build_that_lost_the_race_leaves_the_winner_alone(tmp_path, monkeypatch) -> None:
    from data_modules import toy

    def build_in_between(folder: Path) -> None:
        original(folder)
        monkeypatch.setattr(toy, "_write_manifest", original)
        build_toy(SMALL, tmp_path)

    original = toy._write_manifest
    monkeypatch.setattr(toy, "_write_manifest", build_in_between)
    manifest = build_toy(SMALL, tmp_path)
    assert load_cohort(load_manifest(manifest)).table.shape[0] == 50
    assert [p.name for p in tmp_path.iterdir()] == [manifest.parent.name]


def test_by_default_it_has_at_most_four_hundred_patients() -> None:
    assert ToyConfig().patients <= 400


def test_a_build_that_fails_leaves_nothing(tmp_path, monkeypatch) -> None:
    from data_modules import toy

    def fail(folder: Path) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(toy, "_write_manifest", fail)
    with pytest.raises(KeyboardInterrupt):
        build_toy(SMALL, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_noise_without_events_is_a_cohort_too(tmp_path) -> None:
    config = dataclasses.replace(SMALL, patients=20, signal=0.0, censoring=0.9)
    folder = build_toy(config, tmp_path).parent
    oracle = json.loads((folder / "oracle.json").read_text())["c_index"]
    assert set(oracle.values()) == {0.5}
    assert len(load_cohort(load_manifest(folder / "cohort.yaml")).table) == 20

from __future__ import annotations

import math

import pytest

from experiments.benchmarks import choices
from experiments.benchmarks.choices import DEFAULT, Settings, measure
from experiments.parsing import parse_run

TINY = ("--folds", "2", "--trainer.max_epochs", "2", "--toy.patches_max", "26")


def test_two_ways_on_one_cohort(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(choices, "WAYS", {DEFAULT: (), "bf16": ("--pooling", "mean")})
    settings = Settings(patients=60, seeds=(0,), real=str(tmp_path / "gone"), jobs=1, flags=TINY)
    told: list[str] = []
    report = measure(settings, tmp_path, done=lambda report, line: told.append(line))
    first, second = report.rows
    assert (first["way"], second["way"]) == (DEFAULT, "bf16")
    assert math.isnan(first["more"])
    assert second["more"] == pytest.approx(second["c_index"] - first["c_index"])
    assert second["within"] == ("yes" if abs(second["more"]) <= 0.01 else "no")
    assert 1 <= first["best_epoch"] <= 2
    assert len(told) == 2


def test_real_patients_are_asked_for_where_their_tables_are(tmp_path, monkeypatch) -> None:
    asked = []

    def run_all(runs, jobs) -> object:
        asked.extend(runs)
        return iter([(runs[0], "it failed")])

    monkeypatch.setattr(choices, "run_all", run_all)
    with pytest.raises(RuntimeError, match="it failed"):
        measure(Settings(seeds=(0, 1), real=str(tmp_path)), tmp_path)
    assert len(asked) == 2 * (len(choices.WAYS) + 2 * len(choices.REAL_WAYS))
    configs = [parse_run(run.command) for run in asked]
    assert {config.endpoint for config in configs} >= {"OS", "PFI"}
    real = [config for config in configs if config.endpoint]
    assert {config.risk_set for config in real} == {"batch", "cohort"}
    assert {config.data.batch_size for config in real} == {12}


def test_a_difference_is_of_the_same_seed() -> None:
    rows = [
        {"cohort": "toy", "way": way, "seed": seed, "c_index": c, "fold_sd": 0.1, "best_epoch": 3.0,
         "seconds": 1.0}
        for way, seed, c in ((DEFAULT, 0, 0.7), (DEFAULT, 1, 0.6), ("w", 0, 0.72), ("w", 1, 0.6))
    ]  # fmt: skip
    shown = choices._report(Settings(), rows).rows[1]
    assert shown["more"] == pytest.approx(0.01)
    assert shown["more_sd"] == pytest.approx(0.02 / 2**0.5)

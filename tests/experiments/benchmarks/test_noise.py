from __future__ import annotations

from experiments.benchmarks.noise import Settings, measure


def test_tiny_settings() -> None:
    settings = Settings(cohorts=3, patients=60, covariates=2, folds=(2, 3), resamples=20)
    rows = measure(settings).rows
    methods = {row["method"] for row in rows}
    assert len(methods) == 8
    assert [row["folds"] for row in rows] == [2] * 8 + [3] * 8
    assert all(0 <= row["rejected"] <= 1 for row in rows)

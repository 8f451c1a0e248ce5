from __future__ import annotations

from experiments.benchmarks.metrics import Settings, measure


def test_tiny_settings() -> None:
    report = measure(Settings(large=500, patients=60, folds=2, resamples=5))
    assert len(report.rows) == 7
    assert report.rows[0]["what"] == "C-index"
    assert report.rows[0]["bar"] == 2.0
    assert all(row["seconds"] > 0 and row["bytes"] > 0 for row in report.rows)
    assert [row["within"] for row in report.rows] == ["yes"] * 7

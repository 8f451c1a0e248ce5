from __future__ import annotations

from experiments.benchmarks.attention import Settings, measure


def test_tiny_settings() -> None:
    report = measure(Settings(longest=(4, 9), batch=3, width=8, heads=2, repetitions=1))
    asked = [(kind, longest) for kind in ("self", "genes") for longest in (4, 9)]
    assert [(row["kind"], row["longest"]) for row in report.rows] == asked
    assert report.rows[1]["scores"] == 3 * 9 * 9
    assert all(row["ratio"] > 0 for row in report.rows)

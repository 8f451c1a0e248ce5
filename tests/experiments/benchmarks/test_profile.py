from __future__ import annotations

import pytest

from experiments.benchmarks import profile


def test_shares_of_an_epoch() -> None:
    settings = profile.Settings(
        bags=4, patches=(80, 90), width=8, batch=2, most=5, ways=(("self_attention", "batch"),)
    )
    report = profile.measure(settings)
    on_cpu = [row for row in report.rows if row["device"] == "cpu"]
    assert len(on_cpu) == 6
    assert on_cpu[-1]["operation"] == "all others"
    assert sum(row["share"] for row in on_cpu) == pytest.approx(1)
    shares = [row["share"] for row in on_cpu[:-1]]
    assert shares == sorted(shares, reverse=True)


def test_the_multiplications_of_wide_features_are_seen() -> None:
    settings = profile.Settings(
        bags=2, patches=(2000, 2000), width=512, batch=2, most=3, ways=(("latent", "batch"),)
    )
    told = {row["operation"] for row in profile.measure(settings).rows}
    assert told & {"aten::mm", "aten::addmm"}

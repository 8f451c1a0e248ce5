from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path

import pytest

from experiments.benchmarks import runs
from experiments.benchmarks.fusions import Settings, measure
from experiments.benchmarks.report import Report

TINY = (
    "--trainer.max_epochs", "1", "--folds", "2", "--model.width", "8", "--model.heads", "2",
    "--toy.patches_min", "2", "--toy.patches_max", "4", "--toy.censoring", "0.3",
)  # fmt: skip
SETTINGS = Settings(patients=(40,), seeds=(0, 1), arms=("dual_xattn", "clinical"), flags=TINY)


@pytest.fixture(scope="module")
def home(tmp_path_factory) -> Iterator[tuple[Path, Report]]:
    folder = tmp_path_factory.mktemp("fusions")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        seen = []
        report = measure(SETTINGS, folder, done=lambda so_far, line: seen.append(line))
        assert len(seen) == 4
        assert seen[0].startswith("40 patients, seed 0, dual_xattn: C-index 0.")
        yield folder, report


def test_arms_are_paired_by_cohort(home) -> None:
    _, report = home
    runs = {(row["seed"], row["arm"]): row for row in report.measurements}
    assert runs[0, "dual_xattn"]["oracle"] == runs[0, "clinical"]["oracle"]
    assert runs[0, "clinical"]["oracle"] != runs[1, "clinical"]["oracle"]
    less = [runs[s, "dual_xattn"]["c_index"] - runs[s, "clinical"]["c_index"] for s in (0, 1)]
    joint, clinical = report.rows
    assert clinical["less"] == pytest.approx(sum(less) / 2)
    assert clinical["positive"] == f"{sum(d > 0 for d in less)}/2"
    assert math.isnan(joint["less"])
    for row in report.measurements:
        assert row["covered"] == pytest.approx((row["c_index"] - 0.5) / (row["oracle"] - 0.5))


def test_a_run_of_other_flags_is_refused(home) -> None:
    folder, _ = home
    other = Settings(patients=(40,), seeds=(0,), arms=("clinical",), flags=(*TINY, "--optim.lr=1"))
    with pytest.raises(RuntimeError, match="must not change"):
        measure(other, folder)


def test_a_run_that_fails_is_named(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(runs, "_make", lambda run: None)
    with pytest.raises(RuntimeError, match=r"dual_xattn: failed, see .*dual_xattn\.log"):
        measure(SETTINGS, tmp_path)

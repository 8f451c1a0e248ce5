from __future__ import annotations

import json
import math

import pytest

from experiments.benchmarks import runs
from experiments.benchmarks.runs import Outcome, Run, outcome, run_all

TINY = (
    "--folds", "2", "--trainer.max_epochs", "1", "--model.width", "8", "--model.heads", "2",
    "--modalities", "clinical", "--toy.patients", "40", "--toy.patches_min", "2",
    "--toy.patches_max", "4", "--toy.censoring", "0.3", "--baselines", "false",
    "--logger", "csv",
)  # fmt: skip


@pytest.fixture
def run(tmp_path, monkeypatch) -> Run:
    monkeypatch.chdir(tmp_path)
    return Run(tmp_path / "arm", TINY)


def test_an_outcome_is_what_the_run_wrote(run, monkeypatch) -> None:
    ((_, found),) = run_all([run], 1)
    assert isinstance(found, Outcome)
    metrics = json.loads((run.folder / "metrics.json").read_text())
    assert found.mean("c_index") == metrics["cv"]["c_index"]["mean"]
    assert (found.patients, found.events) == (metrics["patients"], metrics["events"])
    assert found.seconds > 0
    assert "mean ± sd" in run.log.read_text()

    monkeypatch.setattr(runs, "_make", lambda run: pytest.fail(f"{run} was finished"))
    assert outcome(run) == found
    other = run._replace(flags=(*TINY, "--optim.lr", "1"))
    assert "must not change" in outcome(other)


def test_a_broken_run_is_continued(run, monkeypatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr("experiments.cells.score_fold", _fail)
        assert outcome(run) == f"{run.folder}: failed, see {run.log}"
    assert "pulled the plug" in run.log.read_text()
    assert isinstance(outcome(run), Outcome)


def _fail(*args: object, **options: object) -> None:
    raise RuntimeError("pulled the plug")


def test_what_cannot_be_computed_is_nan() -> None:
    nothing = Outcome({"ibs_5y": {"mean": None}}, 1, 0, 1.0, "")  # type: ignore[dict-item]
    assert math.isnan(nothing.mean("ibs_5y"))


def test_processes_find_what_one_finds(run, tmp_path) -> None:
    twins = [run, run._replace(folder=tmp_path / "twin")]
    found = dict(run_all(twins, 2))
    assert set(found) == set(twins)
    first, second = (found[twin] for twin in twins)
    assert isinstance(first, Outcome)
    assert first.metrics == second.metrics

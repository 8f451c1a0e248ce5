from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from sksurv.linear_model import CoxPHSurvivalAnalysis
from sksurv.metrics import concordance_index_censored
from sksurv.util import Surv

from data_modules.toy import build_toy
from data_modules.toy_truth import ToyConfig
from experiments.benchmarks import real
from experiments.benchmarks.real import REGRESSION, Settings, measure, regression_c_index
from experiments.benchmarks.report import Report
from experiments.benchmarks.runs import Run

TINY = (
    "--folds", "2", "--trainer.max_epochs", "1", "--model.width", "8", "--model.heads", "2",
)  # fmt: skip
ARMS = ("genes clinical", "clinical")
SETTINGS = Settings(presets=("small",), endpoints=("OS",), seeds=(0, 1), flags=TINY)


@pytest.fixture(scope="module")
def toy(tmp_path_factory) -> Path:
    """Nobody lacks anything, so that a reference needs no imputation."""
    config = ToyConfig(patients=60, patches_min=2, patches_max=4, censoring=0.3)
    return build_toy(config, tmp_path_factory.mktemp("toy"))


@pytest.fixture(scope="module")
def home(toy, tmp_path_factory) -> Path:
    """Where the preset "small" was run with two seeds."""
    folder = tmp_path_factory.mktemp("real")
    (folder / "small.yaml").write_text(yaml.safe_dump({"cohort": str(toy)}))
    return folder


@pytest.fixture
def small(home, monkeypatch) -> None:
    monkeypatch.setattr(real, "CONFIGS", home)
    monkeypatch.setattr(real, "PRESETS", {"small": ARMS})


@pytest.fixture
def report(home, small) -> Report:
    return measure(SETTINGS, home)


def test_the_regression_is_fitted_outside_the_fold_and_scored_on_it(report, home, toy) -> None:
    folder = home / "real" / "small" / "OS" / "seed1" / "genes-clinical"
    (run,) = [run for run in _runs(home) if run.folder == folder]
    table = pd.read_csv(toy.parent / "clinical.csv", index_col="patient_id")
    covariates = table[["age", "grade"]].assign(
        size=np.log1p(table["size_mm"]), nodes=np.log1p(table["nodes"])
    )
    folds = pd.read_csv(folder / "folds.csv", index_col="patient_id")
    event = table["os_event"].astype(bool)
    scores = []
    for k in (0, 1):
        held_out = (folds["fold"] == k).reindex(table.index)
        fitted = CoxPHSurvivalAnalysis(ties="efron").fit(
            covariates[~held_out], Surv.from_arrays(event[~held_out], table["os_days"][~held_out])
        )
        risk = fitted.predict(covariates[held_out])
        scores.append(
            concordance_index_censored(event[held_out], table["os_days"][held_out], risk)[0]
        )
    assert regression_c_index(run) == pytest.approx(np.mean(scores), abs=1e-6)


def _runs(home: Path) -> list[Run]:
    return [real._run(arm, TINY, home / "real") for arm in real._arms(SETTINGS)]


def test_arms_stand_beside_the_regression_of_their_seed(report) -> None:
    found = {(row["seed"], row["arm"]): row["c_index"] for row in report.measurements}
    assert set(found) == {(s, arm) for s in (0, 1) for arm in (REGRESSION, *ARMS)}
    regression, joint, clinical = report.rows
    assert regression["arm"] == REGRESSION
    assert math.isnan(regression["more"])
    more = [found[s, "clinical"] - found[s, REGRESSION] for s in (0, 1)]
    assert clinical["more"] == pytest.approx(np.mean(more))
    assert clinical["positive"] == f"{sum(d > 0 for d in more)}/2"
    assert joint["sd"] == pytest.approx(
        np.std([found[s, "genes clinical"] for s in (0, 1)], ddof=1)
    )
    assert (joint["patients"], joint["seeds"]) == (60, 2)


def test_the_latest_run_is_told(home, small) -> None:
    told: list[str] = []
    measure(SETTINGS, home, done=lambda so_far, line: told.append(line))
    assert len(told) == 4
    assert told[0].startswith("small, OS, seed 0, genes clinical: C-index 0.")


def test_another_fold_than_the_seed_draws_is_refused(report, home, small) -> None:
    run = _runs(home)[0]
    other = run._replace(flags=tuple("5" if flag == "0" else flag for flag in run.flags))
    with pytest.raises(RuntimeError, match="fold 0 is not the one"):
        regression_c_index(other)


def test_a_run_that_fails_is_named(home, small) -> None:
    with pytest.raises(RuntimeError, match="must not change"):
        measure(Settings(("small",), ("OS",), (0,), flags=(*TINY, "--optim.lr", "1")), home)


def test_every_preset_is_shipped() -> None:
    for preset, arms in real.PRESETS.items():
        config = yaml.safe_load((real.CONFIGS / f"{preset}.yaml").read_text())
        modalities = config.get("modalities", ["image", "genes", "clinical"])
        assert arms[0].split() == modalities

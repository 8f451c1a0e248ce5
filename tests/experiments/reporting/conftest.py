"""Predictions with a known signal, and a run folder written by hand."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from experiments.config import RunConfig
from experiments.parsing import as_plain
from experiments.reporting.sources import Arm, Source, load_sources

YEARS = [*np.arange(0.25, 10.01, 0.25)]


def simulated(n: int = 90, folds: int = 3, seed: int = 0, strength: float = 1.0) -> pd.DataFrame:
    """Exponential times whose hazard is the prediction's, censored in the course of 15 years."""
    random = np.random.default_rng(seed)
    log_hazard = random.normal(size=n) * strength
    rate = np.exp(log_hazard) / 8.0
    years = random.exponential(1 / rate)
    censored = random.uniform(5, 15, n)
    survival = np.exp(-rate[:, None] * np.array(YEARS))
    table = pd.DataFrame(
        {
            "patient_id": [f"P{i:03d}" for i in range(n)],
            "fold": np.arange(n) % folds,
            "time_days": (np.minimum(years, censored) * 365.25).clip(1).round(),
            "event": (years <= censored).astype(int),
            "log_hazard": log_hazard,
        }
    )
    columns = pd.DataFrame(survival, columns=[f"survival_{y:g}y" for y in YEARS])
    groups = np.where(log_hazard > 0, "high", "low")
    return table.join(columns).assign(risk_group=groups).sort_values("fold", ignore_index=True)


Simulate = Callable[..., pd.DataFrame]


@pytest.fixture
def simulate() -> Simulate:
    """`simulate(n=90, folds=3, seed=0, strength=1.0)`: see `simulated`."""
    return simulated


@pytest.fixture
def predictions() -> pd.DataFrame:
    return simulated().astype({"event": bool})


ArmOf = Callable[..., Arm]


@pytest.fixture
def arm_of() -> ArmOf:
    """`arm_of(table, name="a")`: a model whose patients are all known."""

    def make(table: pd.DataFrame, name: str = "a", protocol: str = "nested") -> Arm:
        rows = table.astype({"event": bool})
        known = rows[["patient_id", "time_days", "event"]].drop_duplicates("patient_id")
        return Arm(name, "network", name, rows, known, protocol, {})

    return make


def write_run(folder: Path, table: pd.DataFrame, *, protocol: str = "nested") -> Path:
    """A run folder as a report reads it, without networks."""
    (folder / "baselines").mkdir(parents=True)
    table.to_csv(folder / "predictions.csv", index=False)
    table[["patient_id", "fold", "time_days", "event"]].to_csv(folder / "folds.csv", index=False)
    weaker = table.assign(log_hazard=simulated(len(table), seed=9)["log_hazard"])
    weaker.to_csv(folder / "baselines" / "cox_clinical.csv", index=False)
    config = as_plain(RunConfig()) | {"protocol": protocol, "cohort": "hospital.yaml"}
    (folder / "config.yaml").write_text(yaml.safe_dump(config))
    environment = {"versions": {"torch": "2"}, "commit": "abc", "seed": 0}
    (folder / "environment.json").write_text(json.dumps(environment))
    audit = table.groupby("fold").size().rename("patients").reset_index()
    audit.assign(events=9, site_shared=0.75).to_csv(folder / "folds_audit.csv", index=False)
    covariates(table).to_csv(folder / "covariates.csv", index=False)
    (folder / "cohort.json").write_text(json.dumps(COHORT))
    return folder


COHORT = {
    "name": "hospital & sons",
    "endpoint": "OS",
    "encoder": "",
    "flow": [["in the patient table", 100], ["age known", 90]],
    "notes": ["half of the sizes are below 6 mm"],
    "kinds": {
        "age": {"kind": "numeric", "unit": "years", "levels": [], "log": False},
        "grade": {"kind": "ordinal", "unit": "", "levels": ["1", "2", "3"], "log": False},
        "nodes": {"kind": "numeric", "unit": "count", "levels": [], "log": True},
        "er": {"kind": "categorical", "unit": "", "levels": ["no", "yes"], "log": False},
    },
}


def covariates(table: pd.DataFrame) -> pd.DataFrame:
    random = np.random.default_rng(1)
    n = len(table)
    age = random.uniform(30, 80, n)
    age[0] = np.nan
    return pd.DataFrame(
        {
            "patient_id": table["patient_id"],
            "site": "A",
            "subtype": random.choice(["LumA", "LumB"], n),
            "age": age,
            "grade": random.choice(["1", "2", "3"], n),
            "nodes": random.poisson(1.0, n).astype(float),
            "er": random.choice(["no", "yes"], n, p=[0.3, 0.7]),
        }
    )


@pytest.fixture
def run_folder(tmp_path) -> Path:
    return write_run(tmp_path / "A", simulated())


@pytest.fixture
def source(run_folder) -> Source:
    return load_sources([run_folder])[0]

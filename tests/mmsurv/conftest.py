"""Cohorts whose ties and censoring are hard, and the reference numbers of R's survival."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pytest

GOLDEN = Path(__file__).parents[1] / "golden"


class Cohort(NamedTuple):
    log_hazard: np.ndarray
    event: np.ndarray
    time: np.ndarray

    def part(self, rows: slice) -> Cohort:
        return Cohort(self.log_hazard[rows], self.event[rows], self.time[rows])


MakeCohort = Callable[..., Cohort]


@pytest.fixture(scope="session")
def make_cohort() -> MakeCohort:
    """`make_cohort(seed, n, times, events)`: fewer distinct times are more ties."""

    def make(seed: int, n: int = 120, times: int = 20, events: float = 0.4) -> Cohort:
        random = np.random.default_rng(seed)
        log_hazard = random.normal(size=n)
        log_hazard[::7] = log_hazard[0]
        time = random.integers(1, times + 1, n) / (1 + 0.3 * (log_hazard > 0))
        event = random.random(n) < events
        return Cohort(log_hazard, event, np.ceil(time))

    return make


@pytest.fixture(scope="session")
def golden() -> dict[str, Any]:
    """Numbers that tests/golden/survival.R computed of tests/golden/cohort.csv."""
    numbers: dict[str, Any] = json.loads((GOLDEN / "survival.json").read_text())
    return numbers


@pytest.fixture(scope="session")
def golden_prediction() -> dict[str, Any]:
    """Numbers that tests/golden/prediction.R computed of tests/golden/cohort.csv."""
    numbers: dict[str, Any] = json.loads((GOLDEN / "prediction.json").read_text())
    return numbers


@pytest.fixture(scope="session")
def golden_cohort() -> Cohort:
    table = pd.read_csv(GOLDEN / "cohort.csv")
    return Cohort(
        table["log_hazard"].to_numpy(float),
        table["event"].to_numpy() == 1,
        table["time"].to_numpy(float),
    )


@pytest.fixture(scope="session")
def golden_table() -> pd.DataFrame:
    return pd.read_csv(GOLDEN / "cohort.csv")

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from experiments.fold_scores import fold_scores
from experiments.scoring import survival_column, survival_years
from mmsurv.metrics.functional import (
    accuracy_at,
    calibration_slope,
    observed_over_expected,
    uno_concordance,
)
from mmsurv.survival import DAYS_PER_YEAR

HORIZONS = (2.0, 4.0)


@pytest.fixture
def tables() -> tuple[pd.DataFrame, pd.DataFrame]:
    """Rows of one fold in predictions.csv, and of the others in folds.csv."""
    random = np.random.default_rng(0)
    eta = random.normal(size=150)
    death = 1000 * random.exponential(size=150) / np.exp(eta)
    censored = random.uniform(500, 3000, size=150)
    table = pd.DataFrame(
        {
            "fold": 3,
            "time_days": np.ceil(np.minimum(death, censored)),
            "event": (death <= censored).astype(int),
            "log_hazard": eta,
        }
    )
    for year in survival_years(HORIZONS):
        table[survival_column(year)] = np.exp(-np.exp(eta) * year * DAYS_PER_YEAR / 1000)
    return table[:60], table[60:]


def test_new_metrics_are_the_pure_functions(tables) -> None:
    held, known = tables
    scores = fold_scores(held, known, HORIZONS)
    of = {"event": held["event"].to_numpy(bool), "time": held["time_days"].to_numpy()}
    log_hazard, at = held["log_hazard"].to_numpy(), 4 * DAYS_PER_YEAR
    outside = {
        "train_event": known["event"].to_numpy(bool), "train_time": known["time_days"].to_numpy(),
    }  # fmt: skip
    there = {"survival": held["survival_4y"].to_numpy(), **of, "at_days": at}
    expected = {
        "c_uno_4y": uno_concordance(log_hazard=log_hazard, **of, **outside, until=at).value,
        "ipa_4y": accuracy_at(**there, **outside).value,
        "calibration_slope_4y": calibration_slope(log_hazard=log_hazard, **of, until=at).value,
        "observed_expected_4y": observed_over_expected(**there).value,
    }
    assert {name: scores[name]["value"] for name in expected} == expected
    assert all(scores[name]["value"] > 0 for name in ("ipa_4y", "integrated_ipa_4y", "brier_4y"))


def test_the_grid_ends_with_the_follow_up(tables) -> None:
    held, known = tables
    assert fold_scores(held, known, HORIZONS)["grid_years"] == survival_years(HORIZONS)
    short = known.assign(time_days=known["time_days"].clip(upper=3 * DAYS_PER_YEAR + 1))
    scores = fold_scores(held, short, HORIZONS)
    assert scores["grid_years"][-1] == 3.0
    for name in ("ibs", "brier", "ipa", "integrated_ipa", "auc", "c_uno"):
        assert math.isnan(scores[f"{name}_4y"]["value"])
        assert "follow-up" in scores[f"{name}_4y"]["reason"]
        assert math.isfinite(scores[f"{name}_2y"]["value"])

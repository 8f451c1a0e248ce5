"""A training part and a scored part of one cohort."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest


@pytest.fixture(params=[(0, 12, 0.3), (1, 40, 0.15), (2, 2000, 0.5)], ids=["ties", "rare", "fine"])
def split(request, make_cohort) -> dict[str, Any]:
    """Arguments of the weighted metrics; the scored patients are followed for less time."""
    seed, times, events = request.param
    train = make_cohort(seed, n=200, times=times, events=events)
    scored = make_cohort(seed + 10, n=90, times=times, events=events)
    inside = scored.time < train.time.max()
    return {
        "log_hazard": scored.log_hazard[inside],
        "event": scored.event[inside],
        "time": scored.time[inside],
        "train_event": train.event,
        "train_time": train.time,
    }


@pytest.fixture
def horizons(split) -> np.ndarray:
    """Times within the follow-up of both parts."""
    return np.quantile(split["time"], [0.3, 0.5, 0.7, 0.9]) + np.array([0.0, 0.01, 0.02, 0.03])

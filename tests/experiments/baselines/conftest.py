"""Simulated patients with a known linear hazard."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from experiments.baselines.model import Sample

MakeSample = Callable[..., Sample]


@pytest.fixture
def make_sample() -> MakeSample:
    """`make_sample(n, weights, ties=False, seed=0)`: exponential times, a third censored."""

    def make(n: int, weights: list[float], *, ties: bool = False, seed: int = 0) -> Sample:
        rng = np.random.default_rng(seed)
        x = rng.standard_normal((n, len(weights)))
        x = (x - x.mean(0)) / x.std(0)
        time = rng.exponential(1000, n) * np.exp(-x @ np.array(weights)) + 1
        censored = rng.exponential(2000, n) + 1
        followed = np.minimum(time, censored)
        return Sample(x, time <= censored, np.ceil(followed / 200) if ties else followed, seed)

    return make

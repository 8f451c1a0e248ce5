from __future__ import annotations

import numpy as np
import pytest

from experiments.baselines import elastic_net
from experiments.baselines.elastic_net import fit
from experiments.baselines.model import NotFittedError
from mmsurv.metrics.functional import concordance


def test_columns_with_signal_are_kept_and_noise_is_left_out(make_sample) -> None:
    sample, unseen = make_sample(150, [1.0, -1.0, *[0.0] * 40]), make_sample(99, [0.0] * 42, seed=1)
    predicted = fit(sample, np.eye(42))
    assert predicted.held_out[0] > 0.3 > -0.3 > predicted.held_out[1]
    assert np.abs(predicted.held_out[2:]).max() < 0.2
    assert 2 <= predicted.choice["columns"] < 30
    noise = fit(unseen, np.eye(42))
    assert noise.choice["columns"] < 10


def test_unseen_patients_are_ranked(make_sample) -> None:
    sample, unseen = make_sample(150, [1.0, -1.0]), make_sample(150, [1.0, -1.0], seed=1)
    found = fit(sample, unseen.x).held_out
    score = concordance(log_hazard=found, event=unseen.event, time=unseen.time)
    assert score.value > 0.7


def test_a_path_that_does_not_converge_is_a_reason(make_sample, monkeypatch) -> None:
    import sksurv.linear_model

    class Failing:
        def __init__(self, **options: object) -> None:
            pass

        def fit(self, x: object, y: object) -> None:
            raise ArithmeticError("Numerical error, because weights are too large")

    monkeypatch.setattr(sksurv.linear_model, "CoxnetSurvivalAnalysis", Failing)
    with pytest.raises(NotFittedError, match="weights are too large"):
        elastic_net.fit(make_sample(40, [1.0]), np.eye(1))

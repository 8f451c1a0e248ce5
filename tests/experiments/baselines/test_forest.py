from __future__ import annotations

import numpy as np
import pytest

from experiments.baselines import forest
from experiments.baselines.forest import fit
from experiments.baselines.model import NotFittedError, Sample
from mmsurv.metrics.functional import concordance


@pytest.fixture
def few_trees(monkeypatch) -> None:
    monkeypatch.setattr(forest, "TREES", 30)


def _u_shaped(seed: int) -> Sample:
    """Both ends of a column die early: nothing that a linear model could see."""
    rng = np.random.default_rng(seed)
    x = rng.uniform(-1, 1, (200, 1))
    time = rng.exponential(1000, 200) * np.exp(-6 * np.abs(x[:, 0])) + 1
    return Sample(x, np.ones(200, dtype=bool), time, seed)


def test_a_hazard_that_is_not_linear_is_seen(few_trees) -> None:
    unseen = _u_shaped(1)
    found = fit(_u_shaped(0), unseen.x).held_out
    score = concordance(log_hazard=found, event=unseen.event, time=unseen.time)
    assert score.value > 0.75


def test_training_patients_are_predicted_by_trees_that_did_not_see_them(
    few_trees, monkeypatch
) -> None:
    monkeypatch.setattr(forest, "LEAF", 5)
    rng = np.random.default_rng(0)
    x = rng.standard_normal((120, 5))
    noise = Sample(x, np.ones(120, dtype=bool), rng.exponential(1000, 120) + 1, 0)
    predicted = fit(noise, x)
    seen, unseen = (
        concordance(log_hazard=eta, event=noise.event, time=noise.time).value
        for eta in (predicted.held_out, predicted.training)
    )
    assert seen > 0.65
    assert unseen < 0.6


def test_the_same_seed_is_the_same_forest(few_trees, make_sample) -> None:
    sample = make_sample(60, [1.0])
    assert (fit(sample, sample.x).held_out == fit(sample, sample.x).held_out).all()


def test_the_trees_are_those_of_the_times_themselves(few_trees, make_sample, monkeypatch) -> None:
    sample = make_sample(90, [1.0, -0.5, 0.0])
    assert not sample.event.all()
    numbered = fit(sample, sample.x)
    monkeypatch.setattr(forest, "_event_number", lambda sample: sample.time)
    plain = fit(sample, sample.x)
    assert (numbered.training == plain.training).all()
    assert (numbered.held_out == plain.held_out).all()


def test_what_cannot_be_split_is_a_reason(make_sample, monkeypatch) -> None:
    with pytest.raises(NotFittedError, match="20 patients in training: a split needs 30"):
        fit(make_sample(20, [1.0]), np.eye(1))
    monkeypatch.setattr(forest, "TREES", 1)
    with pytest.raises(NotFittedError, match="do not have OOB scores"):
        fit(make_sample(60, [1.0]), np.eye(1))

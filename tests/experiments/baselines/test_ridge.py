from __future__ import annotations

import numpy as np
import pytest
from sksurv.linear_model import CoxPHSurvivalAnalysis
from sksurv.util import Surv

from experiments.baselines import ridge
from experiments.baselines.model import NotFittedError
from experiments.baselines.ridge import PENALTIES, fit, ridge_path
from mmsurv.metrics.functional import concordance


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("penalty", [10.0, 0.1, 0.001])
def test_weights_are_those_of_scikit_survival(make_sample, ties, penalty) -> None:
    sample = make_sample(80, [1.0, -0.5, 0.0, 0.3], ties=ties)
    # Its likelihood is divided by patients and ours by events.
    alpha = penalty * sample.event.sum()
    theirs = CoxPHSurvivalAnalysis(alpha=alpha, ties="breslow", tol=1e-12).fit(
        sample.x, Surv.from_arrays(sample.event, sample.time)
    )
    own = ridge_path(sample, np.array([penalty]))[:, 0]
    assert own == pytest.approx(theirs.coef_, abs=1e-5)


def test_more_columns_than_patients_give_the_same_answer_as_solved_directly(make_sample) -> None:
    sample = make_sample(30, [1.0, 0.5, *[0.0] * 50])
    path = ridge_path(sample, np.array([1.0, 0.1]))
    theirs = CoxPHSurvivalAnalysis(alpha=0.1 * sample.event.sum(), ties="breslow", tol=1e-12).fit(
        sample.x, Surv.from_arrays(sample.event, sample.time)
    )
    assert path[:, 1] == pytest.approx(theirs.coef_, abs=1e-5)


def test_the_path_is_the_same_as_each_penalty_alone(make_sample) -> None:
    sample = make_sample(60, [1.0, -1.0, 0.0])
    path = ridge_path(sample)
    for index in (0, 5, len(PENALTIES) - 1):
        alone = ridge_path(sample, PENALTIES[index : index + 1])[:, 0]
        assert path[:, index] == pytest.approx(alone, abs=1e-5)


def test_noise_is_shrunk_more_than_signal(make_sample) -> None:
    signal = make_sample(200, [1.5, 1.0])
    noise = make_sample(200, [0.0] * 30)
    assert fit(noise, noise.x).choice["penalty"] > 10 * fit(signal, signal.x).choice["penalty"]


def test_unseen_patients_are_ranked_and_do_not_move_the_fit(make_sample) -> None:
    sample, unseen = make_sample(150, [1.0, -1.0]), make_sample(150, [1.0, -1.0], seed=1)
    predicted = fit(sample, unseen.x)
    found = concordance(log_hazard=predicted.held_out, event=unseen.event, time=unseen.time)
    assert found.value > 0.7
    again = fit(sample, np.zeros((1, 2)))
    assert (again.training == predicted.training).all()
    assert again.held_out.tolist() == [0.0]


def test_steps_without_an_end_are_a_reason(make_sample, monkeypatch) -> None:
    monkeypatch.setattr(ridge, "STEPS", 1)
    with pytest.raises(NotFittedError, match=r"did not converge at penalty 0\.001"):
        ridge_path(make_sample(60, [2.0]), np.array([0.001]))

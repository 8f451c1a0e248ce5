from __future__ import annotations

import numpy as np
import pytest
from sksurv.linear_model import CoxPHSurvivalAnalysis
from sksurv.util import Surv

from experiments.baselines.cox import fit
from experiments.baselines.model import NotFittedError, Sample


def test_it_is_the_unpenalised_regression_with_efron_ties(make_sample) -> None:
    sample = make_sample(80, [1.0, -0.5], ties=True)
    theirs = CoxPHSurvivalAnalysis(ties="efron", tol=1e-12).fit(
        sample.x, Surv.from_arrays(sample.event, sample.time)
    )
    found = fit(sample, np.eye(2))
    assert found.held_out == pytest.approx(theirs.coef_, abs=1e-3)
    assert found.training == pytest.approx(sample.x @ theirs.coef_, abs=1e-3)


def test_a_constant_column_is_left_out(make_sample) -> None:
    sample = make_sample(60, [1.0])
    wider = sample._replace(x=np.column_stack([np.zeros(60), sample.x]))
    assert fit(wider, np.eye(2)).held_out[0] == 0.0
    assert fit(wider, np.eye(2)).held_out[1] == fit(sample, np.eye(1)).held_out[0]


def test_a_likelihood_without_maximum_is_a_reason() -> None:
    time = np.arange(1.0, 21.0)
    x = np.where(time < 6, 1.0, 0.0)[:, None]
    sample = Sample(x, time < 6, time, 0)
    with pytest.raises(NotFittedError, match="did not converge"):
        fit(sample, x)
    with pytest.raises(NotFittedError, match="no column varies"):
        fit(sample._replace(x=np.zeros((20, 1))), x)

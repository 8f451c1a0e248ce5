from __future__ import annotations

import numpy as np
import pytest

from mmsurv.metrics.functional import cox_regression
from mmsurv.metrics.functional import resampled_cox as module
from mmsurv.metrics.functional.resampled_cox import resampled_coefficient


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("groups", [False, True])
def test_equals_the_regression_of_each_resample_written_out(
    seed, groups, make_cohort, monkeypatch
) -> None:
    monkeypatch.setattr(module, "_NUMBERS", 60 * 7)  # several chunks
    cohort = make_cohort(seed, n=60, times=[5, 20, 900][seed])
    covariate = (cohort.log_hazard > 0).astype(float) if groups else cohort.log_hazard * 3 + 50
    counts = np.random.default_rng(seed).multinomial(60, np.full(60, 1 / 60), size=20)
    of = {"event": cohort.event, "time": cohort.time}
    ours = resampled_coefficient(covariate=covariate, **of, counts=counts.astype(float))
    for drawn, coefficient in zip(counts, ours, strict=True):
        rows = np.repeat(np.arange(60), drawn)
        written = {name: column[rows] for name, column in of.items()}
        fit = cox_regression(covariates=covariate[rows, None], **written)
        assert coefficient == pytest.approx(fit.coefficient[0], rel=1e-6, nan_ok=True)
    assert np.isfinite(ours).sum() >= 10


def test_a_resample_without_maximum_has_no_coefficient() -> None:
    # Once only the group has events, once nobody, once both.
    counts = np.array([[1.0, 0, 1, 1], [0, 0, 1, 1], [1, 1, 1, 1]])
    coefficient = resampled_coefficient(
        covariate=np.array([1.0, 0.0, 1.0, 0.0]),
        event=np.array([True, True, False, False]),
        time=np.array([1.0, 2.0, 3.0, 4.0]),
        counts=counts,
    )
    assert np.isnan(coefficient).tolist() == [True, True, False]


def test_a_constant_covariate_has_no_coefficient() -> None:
    alike = {
        "event": np.ones(3, dtype=bool),
        "time": np.arange(1.0, 4.0),
        "counts": np.ones((2, 3)),
    }
    assert np.isnan(resampled_coefficient(covariate=np.ones(3), **alike)).all()

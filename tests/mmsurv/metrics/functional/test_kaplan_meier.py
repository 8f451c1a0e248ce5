from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from lifelines import KaplanMeierFitter

from mmsurv.metrics.functional import kaplan_meier


def test_equals_r_with_its_band(golden, golden_cohort) -> None:
    curve = kaplan_meier(event=golden_cohort.event, time=golden_cohort.time)
    theirs = golden["kaplan_meier"]
    for name in ("time", "survival", "at_risk"):
        np.testing.assert_allclose(getattr(curve, name)[1:], theirs[name], rtol=1e-12)
    for name in ("lower", "upper"):
        reference = np.array(theirs[name], dtype=float)
        np.testing.assert_allclose(getattr(curve, name)[1:], reference, rtol=1e-9)


@pytest.mark.parametrize("seed", range(3))
def test_equals_lifelines(seed, make_cohort) -> None:
    cohort = make_cohort(seed, times=[5, 30, 3000][seed])
    fitted = KaplanMeierFitter().fit(cohort.time, cohort.event)
    curve = kaplan_meier(event=cohort.event, time=cohort.time)
    np.testing.assert_allclose(
        curve.survival, fitted.survival_function_at_times(curve.time), atol=1e-12
    )
    band = fitted.confidence_interval_survival_function_.loc[curve.time].to_numpy()
    here = (curve.survival < 1) & (curve.survival > 0)
    np.testing.assert_allclose(
        np.stack([curve.lower, curve.upper], axis=1)[here], band[here], atol=1e-6
    )


@given(
    st.lists(st.tuples(st.booleans(), st.integers(1, 6)), min_size=1, max_size=12),
)
def test_it_falls_from_one_and_its_band_holds_it(patients) -> None:
    event, time = np.array([p[0] for p in patients]), np.array([float(p[1]) for p in patients])
    curve = kaplan_meier(event=event, time=time)
    assert curve.time[0] == 0
    assert curve.survival[0] == 1
    assert curve.at_risk[0] == len(patients)
    assert (np.diff(curve.time) > 0).all()
    assert (np.diff(curve.survival) <= 0).all()
    alive = curve.survival > 0
    assert ((curve.lower <= curve.survival) & (curve.survival <= curve.upper))[alive].all()
    assert ((curve.lower >= 0) & (curve.upper <= 1))[alive].all()
    assert np.isnan(curve.lower[~alive]).all()
    assert np.isnan(curve.upper[~alive]).all()


def test_no_patient_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one patient"):
        kaplan_meier(event=np.zeros(0, dtype=bool), time=np.zeros(0))

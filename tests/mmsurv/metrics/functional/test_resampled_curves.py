from __future__ import annotations

import numpy as np
import pytest

from mmsurv.metrics.functional import kaplan_meier, restricted_mean
from mmsurv.metrics.functional.resampled_curves import resampled_curve


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("share", [0.3, 0.7, 0.95, 1.0])
def test_equals_the_curve_of_each_resample_written_out(seed, share, make_cohort) -> None:
    cohort = make_cohort(seed, n=40, times=[5, 20, 900][seed])
    until = float(np.quantile(cohort.time, share))
    counts = np.random.default_rng(seed).multinomial(40, np.full(40, 1 / 40), size=30)
    curve = resampled_curve(event=cohort.event, time=cohort.time, counts=counts, until=until)
    lost = 0
    for r, drawn in enumerate(counts):
        rows = np.repeat(np.arange(40), drawn)
        written = {"event": cohort.event[rows], "time": cohort.time[rows]}
        mean = restricted_mean(**written, until=until)
        assert curve.restricted_mean[r] == pytest.approx(mean.value, nan_ok=True)
        lost += bool(mean.reason)
        if not mean.reason:
            whole = kaplan_meier(**written)
            expected = whole.survival[whole.time <= until][-1]
            assert curve.survival[r] == pytest.approx(expected, abs=1e-12)
    assert share < 1.0 or seed == 0 or lost > 0


def test_nobody_has_no_curve() -> None:
    curve = resampled_curve(
        event=np.array([], dtype=bool), time=np.array([]), counts=np.ones((2, 0)), until=1.0
    )
    assert np.isnan(curve.restricted_mean).tolist() == [True, True]

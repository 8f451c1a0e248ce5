from __future__ import annotations

import numpy as np
import pytest

from mmsurv.metrics.functional import auc_at, comparable_pairs, concordance, ipcw, uno_concordance
from mmsurv.metrics.functional import resampled_pairs as module
from mmsurv.metrics.functional.resampled_pairs import pair_sums


@pytest.fixture
def drawn(split) -> np.ndarray:
    """Everybody once, and four bootstrap resamples."""
    n = len(split["time"])
    counts = np.random.default_rng(0).multinomial(n, np.full(n, 1 / n), size=4)
    return np.concatenate([np.ones((1, n)), counts])


@pytest.mark.parametrize("block", [7, 256])
def test_equals_the_metrics_of_each_resample_written_out(
    split, horizons, drawn, block, monkeypatch
) -> None:
    monkeypatch.setattr(module, "_BLOCK", block)
    known = {name: split[name] for name in ("train_event", "train_time")}
    own = {name: split[name] for name in ("log_hazard", "event", "time")}
    sums = pair_sums(**own, weight=ipcw(**known, at=split["time"]), counts=drawn, at_days=horizons)
    for r, counts in enumerate(drawn):
        rows = np.repeat(np.arange(len(counts)), counts.astype(int))
        written = {name: column[rows] for name, column in own.items()}
        assert sums.comparable[r] == comparable_pairs(event=written["event"], time=written["time"])
        c = concordance(**written)
        assert sums.concordant[r] / sums.comparable[r] == pytest.approx(c.value, abs=1e-12)
        for h, at in enumerate(horizons[:3]):
            uno = uno_concordance(**written, **known, until=at)
            ratio = sums.uno_concordant[r, h] / sums.uno_comparable[r, h]
            assert ratio == pytest.approx(uno.value, abs=1e-12)
            auc = auc_at(**written, **known, at_days=at)
            ratio = sums.auc_concordant[r, h] / sums.auc_pairs[r, h]
            assert ratio == pytest.approx(auc.value, abs=1e-6)


def test_without_events_there_is_no_pair() -> None:
    sums = pair_sums(
        log_hazard=np.zeros(3),
        event=np.zeros(3, dtype=bool),
        time=np.arange(1.0, 4.0),
        weight=np.ones(3),
        counts=np.ones((2, 3)),
        at_days=np.array([2.0]),
    )
    assert all((part == 0).all() for part in sums)

"""Intervals, chance and tests by resampling patients within folds."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd

from mmsurv.metrics.functional import logrank_statistic
from mmsurv.metrics.functional.value import NAN, Estimate

Array = np.ndarray


class Null(NamedTuple):
    lower: float
    upper: float


def _pairs(rows: pd.DataFrame) -> list[tuple[Array, Array]]:
    out = []
    for _, part in rows.sort_values(["fold", "patient_id"]).groupby("fold"):
        t, e, r = (part[c].to_numpy(float) for c in ("time_days", "event", "log_hazard"))
        comparable = (e[:, None] > 0) & (
            (t[:, None] < t[None]) | ((t[:, None] == t[None]) & (e[None] == 0))
        )
        led = (r[:, None] > r[None]) + 0.5 * (r[:, None] == r[None])
        out.append((comparable * led, comparable.astype(float)))
    return out


def _boot(rows: pd.DataFrame, n: int, seed: int) -> Array:
    rng = np.random.default_rng(seed)
    a = p = 0.0
    for conc, comp in _pairs(rows):
        m = len(conc)
        w = rng.multinomial(m, np.full(m, 1 / m), size=n).astype(float)
        a = a + ((w @ conc) * w).sum(1)
        p = p + ((w @ comp) * w).sum(1)
    return np.asarray(a / np.where(p == 0, np.nan, p))


def _value(rows):
    ps = _pairs(rows)
    return sum(a.sum() for a, _ in ps) / max(sum(p.sum() for _, p in ps), 1)


def c_interval(rows: pd.DataFrame, resamples: int, seed: int) -> Estimate:
    b = _boot(rows, resamples, seed)
    return Estimate(_value(rows), *np.nanpercentile(b, [2.5, 97.5]))


def c_difference(first, second, resamples, seed) -> Estimate:
    d = _boot(first, resamples, seed) - _boot(second, resamples, seed)
    p = min(1.0, 2 * min(((d <= 0).sum() + 1), ((d >= 0).sum() + 1)) / (len(d) + 1))
    return Estimate(_value(first) - _value(second), *np.nanpercentile(d, [2.5, 97.5]), p)


def c_null(rows: pd.DataFrame, resamples: int, seed: int) -> Null:
    rng = np.random.default_rng(seed)
    a = np.zeros(resamples)
    total = 0.0
    for _, comp in _pairs(rows):
        total += comp.sum()
        for k in range(resamples):
            r = rng.permutation(len(comp))
            a[k] += (comp * (r[:, None] > r[None])).sum()
    return Null(*np.percentile(a / max(total, 1), [2.5, 97.5]))


def split_p(rows: pd.DataFrame, resamples: int, seed: int) -> float:
    rng = np.random.default_rng(seed)
    t, e = rows["time_days"].to_numpy(float), rows["event"].to_numpy(bool)
    g = (rows["risk_group"] == "high").to_numpy()
    stat = logrank_statistic(time=t, event=e, group=g).value
    if stat != stat:
        return NAN
    where = [np.flatnonzero(rows["fold"] == k) for k in rows["fold"].unique()]
    hits = 0
    for _ in range(resamples):
        s = g.copy()
        for w in where:
            s[w] = rng.permutation(s[w])
        hits += logrank_statistic(time=t, event=e, group=s).value >= stat
    return (hits + 1) / (resamples + 1)

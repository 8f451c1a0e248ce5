"""Do the metrics keep up? A large cohort's C-index, and a run's intervals, against their bars."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from dataclasses import asdict, dataclass

import numpy as np

from experiments.benchmarks.clock import seconds_of
from experiments.benchmarks.report import Report, Row
from mmsurv.metrics.functional import (
    Scored,
    comparable_pairs,
    concordance,
    null_band,
    permutation_logrank,
    uno_concordance,
)
from mmsurv.metrics.held_out import HeldOut
from mmsurv.metrics.resample import Bootstrap, bootstrap, paired_difference

Array = np.ndarray

HORIZONS = {"5y": 1826.25, "10y": 3652.5}
GRID_DAYS = np.arange(1, 41) * 91.3125


@dataclass(frozen=True)
class Settings:
    """What is measured.

    Attributes:
        large: Patients of the cohort whose C-index is computed.
        patients: Of the run whose metrics are resampled.
        folds: Of that run.
        resamples: And permutations.
        seed: Of everything.
    """

    large: int = 100_000
    patients: int = 1000
    folds: int = 5
    resamples: int = 1000
    seed: int = 0


def measure(settings: Settings) -> Report:
    """Times each once; the bars are for the default settings on two cores."""
    random = np.random.default_rng(settings.seed)
    eta, event, time = _cohort(settings.large, random)
    folds = _folds(*_cohort(settings.patients, random), settings.folds)
    noisy = [f._replace(log_hazard=random.permutation(f.log_hazard)) for f in folds]
    scored = [Scored(fold.log_hazard, fold.event, fold.time) for fold in folds]
    share, deals = 1 / (settings.folds - 1), settings.resamples

    def resampled(of: list[HeldOut]) -> Bootstrap:
        return bootstrap(of, grid_days=GRID_DAYS, horizons=HORIZONS, resamples=settings.resamples)

    def compared() -> None:
        one, other = resampled(folds), resampled(noisy)
        for name in one.value:
            paired_difference(one, other, name)

    def uno() -> None:
        uno_concordance(log_hazard=eta, event=event, time=time, train_event=event[::2],
                        train_time=time[::2], until=HORIZONS["5y"])  # fmt: skip

    def split() -> None:
        permutation_logrank(
            event=np.concatenate([fold.event for fold in folds]),
            time=np.concatenate([fold.time for fold in folds]),
            group=np.concatenate([fold.high for fold in folds]),
            fold=np.repeat(np.arange(len(folds)), [len(fold.time) for fold in folds]),
            test_share=share,
            permutations=deals,
        )

    many = f"{settings.large} patients"
    often = f"{settings.patients} patients, {settings.folds} folds, {settings.resamples} times"
    metrics = len(resampled(folds[:1]).value)
    calls: list[tuple[str, Callable[[], object], bool, float]] = [
        ("C-index", lambda: concordance(log_hazard=eta, event=event, time=time), True, 2.0),
        ("comparable pairs", lambda: comparable_pairs(event=event, time=time), True, 2.0),
        ("Uno's C", uno, True, 2.0),
        (f"bootstrap of {metrics} metrics", lambda: resampled(folds), False, 20.0),
        ("paired bootstrap of two runs", compared, False, 40.0),
        ("null band of the C-index",
         lambda: null_band(scored, test_share=share, permutations=deals), False, 20.0),
        ("permutation log-rank", split, False, 20.0),
    ]  # fmt: skip
    rows = [
        _row(what, many if large else often, call, settings.large if large else settings.patients,
             bar)
        for what, call, large, bar in calls
    ]  # fmt: skip
    return Report(
        name="metrics",
        title="seconds of the metrics and their intervals, beside their bars",
        rows=rows,
        notes=[
            "bar: what it may take on two cores with the default settings",
            "bytes: the most that was allocated, for each patient",
        ],
        settings=asdict(settings),
    )


def _row(what: str, size: str, call: Callable[[], object], patients: int, bar: float) -> Row:
    seconds = seconds_of(call)
    # In a call of its own: watching allocations costs time.
    tracemalloc.start()
    call()
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return {
        "what": what,
        "size": size,
        "seconds": seconds,
        "bar": bar,
        "within": "yes" if seconds <= bar else "NO",
        "bytes": round(most / patients),
    }


def _cohort(n: int, random: np.random.Generator) -> tuple[Array, Array, Array]:
    """Log hazard, event and whole days; seven of ten are censored within twelve years."""
    eta = random.normal(size=n)
    death = 9000 * random.exponential(size=n) * np.exp(-eta)
    censored = random.uniform(100, 4400, size=n)
    return eta, death <= censored, np.ceil(np.minimum(death, censored))


def _folds(eta: Array, event: Array, time: Array, folds: int) -> list[HeldOut]:
    made = []
    for k in range(folds):
        rows = np.arange(k, len(eta), folds)
        made.append(
            HeldOut(
                patient_id=[f"P{i}" for i in rows],
                log_hazard=eta[rows],
                event=event[rows],
                time=time[rows],
                survival=np.exp(-np.outer(np.exp(eta[rows]), GRID_DAYS / 9000)),
                high=eta[rows] > 0,
                train_event=np.delete(event, rows),
                train_time=np.delete(time, rows),
            )
        )
    return made

"""How often is noise taken for a signal? Every test and interval on cohorts without any.

Cox models are cross-validated on normal variables that have nothing to do with the outcome, and
compared with others of their kind. A method that keeps its word rejects at its level.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np

from experiments.benchmarks.report import Report
from mmsurv.metrics.functional import (
    Scored,
    concordance,
    corrected_resampled,
    cox_regression,
    logrank,
    null_band,
    permutation_logrank,
)
from mmsurv.metrics.held_out import HeldOut
from mmsurv.metrics.resample import bootstrap, paired_difference, percentile_interval

Array = np.ndarray

AT_DAYS = 800.0


@dataclass(frozen=True)
class Settings:
    """What is simulated.

    Attributes:
        cohorts: Number of them.
        patients: Of each.
        covariates: Of each of the two models.
        folds: Of each cross-validation.
        resamples: And permutations.
        level: At which is rejected.
    """

    cohorts: int = 300
    patients: int = 150
    covariates: int = 10
    folds: tuple[int, ...] = (5, 10)
    resamples: int = 200
    level: float = 0.05


def measure(settings: Settings) -> Report:
    """Simulates every cohort once for each number of folds."""
    rows = []
    for folds in settings.folds:
        p = [_p_values(settings, folds, seed) for seed in range(settings.cohorts)]
        rows += [
            {
                "folds": folds,
                "method": method,
                "rejected": float(np.mean([found[method] <= settings.level for found in p])),
            }
            for method in p[0]
        ]
    error = (settings.level * (1 - settings.level) / settings.cohorts) ** 0.5
    return Report(
        name="noise",
        title=f"share of {settings.cohorts} cohorts without a signal in which one is found at "
        f"{settings.level:g}",
        rows=rows,
        notes=[f"standard error of a method that keeps its level: {error:.3f}"],
        settings=asdict(settings),
    )


def _p_values(settings: Settings, folds: int, seed: int) -> dict[str, float]:
    random = np.random.default_rng(seed)
    death = random.exponential(1000, settings.patients)
    censored = random.uniform(100, 2000, settings.patients)
    event, time = death <= censored, np.ceil(np.minimum(death, censored))
    fold = random.permutation(settings.patients) % folds
    runs = [
        _cross_validated(random.normal(size=(len(time), settings.covariates)), event, time, fold)
        for _ in range(2)
    ]
    parts = [[Scored(f.log_hazard, f.event, f.time) for f in run] for run in runs]
    c_index = np.array([[concordance(**f._asdict()).value for f in run] for run in parts])
    horizons = {"end": AT_DAYS}
    drawn = [
        bootstrap(
            run, grid_days=np.array([AT_DAYS]), horizons=horizons, resamples=settings.resamples
        )
        for run in runs
    ]
    share = 1 / (folds - 1)
    first = {
        "event": np.concatenate([f.event for f in runs[0]]),
        "time": np.concatenate([f.time for f in runs[0]]),
        "group": np.concatenate([f.high for f in runs[0]]),
    }
    dealt = permutation_logrank(
        **first,
        fold=np.sort(fold),
        test_share=share,
        permutations=settings.resamples,
        seed=seed,
    )
    interval = percentile_interval(drawn[0], "c_index", level=1 - settings.level)
    outside = not interval.lower <= 0.5 <= interval.upper
    corrected, paired = (
        corrected_resampled(values, test_share=share, hypothesis=hypothesis).p
        for values, hypothesis in ((c_index[0], 0.5), (c_index[0] - c_index[1], 0.0))
    )
    deals = {"permutations": settings.resamples, "seed": seed}
    return {
        "plain log-rank": logrank(**first).value,
        "permutation log-rank": dealt.value,
        "null band": null_band(parts[0], test_share=share, **deals).p,
        "null band, not widened": null_band(parts[0], test_share=0, **deals).p,
        "corrected t, C-index": corrected,
        "bootstrap interval, C-index": 0.0 if outside else 1.0,
        "corrected t, two models": paired,
        "paired bootstrap, two models": paired_difference(drawn[0], drawn[1], "c_index").p,
    }


def _cross_validated(covariates: Array, event: Array, time: Array, fold: Array) -> list[HeldOut]:
    held = []
    for k in range(int(fold.max()) + 1):
        train, test = fold != k, fold == k
        fit = cox_regression(covariates=covariates[train], event=event[train], time=time[train])
        log_hazard = covariates @ fit.coefficient
        held.append(
            HeldOut(
                patient_id=[f"P{i}" for i in np.flatnonzero(test)],
                log_hazard=log_hazard[test],
                event=event[test],
                time=time[test],
                # No probability is scored here.
                survival=np.full((int(test.sum()), 1), 0.5),
                high=log_hazard[test] > np.median(log_hazard[train]),
                train_event=event[train],
                train_time=time[train],
            )
        )
    return held

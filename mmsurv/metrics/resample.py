"""Bootstrap over patients within folds: intervals of every metric, and pairs of runs compared."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from mmsurv.metrics.functional.value import Estimate
from mmsurv.metrics.held_out import HeldOut, fold_draws, pooled_draws

Array = np.ndarray

# Where more resamples than this have no value, those that do are not the sampling distribution.
LOST_AT_MOST = 0.05


class Bootstrap(NamedTuple):
    """Metrics of a run and of its resamples.

    Attributes:
        value: Name to the metric of the patients as they are; NaN where a fold has none.
        draws: Name to the metric of each resample; NaN where it cannot be computed.
        missing: Name to the reason of a NaN; names with a value are absent.
        key: Folds, seed and number of resamples: two runs of one key drew the same patients.
    """

    value: dict[str, float]
    draws: dict[str, Float[Array, " R"]]
    missing: dict[str, str]
    key: tuple[tuple[str, ...], int, int]


def bootstrap(
    folds: Sequence[HeldOut],
    *,
    grid_days: Float[Array, " T"],
    horizons: Mapping[str, float],
    resamples: int = 1000,
    seed: int = 0,
) -> Bootstrap:
    """Every metric of a run, of it and of resamples of its patients.

    Patients are drawn with replacement within their fold of the first repeat, as many as the fold
    has, and carry their predictions of all repeats along. Metrics are computed within folds,
    averaged over the folds of a repeat and then over repeats; `c_index_pooled` divides the
    concordant by the comparable pairs of all folds, so that a fold weighs by its pairs;
    `hazard_ratio` and `rmst_difference` are of the pooled risk groups.

    The networks are not trained again: an interval says how far the number would move with other
    patients to score, not with other patients to train on. `corrected_resampled` over repeats sees
    the second as well.

    Args:
        folds: Of one run; every fold has a patient.
        grid_days: Times of the predicted survival, positive and increasing.
        horizons: Suffix of the names, such as "5y", to days; all of them in `grid_days`.
        resamples: At least 1.
        seed: Of the draws. The same seed on the same folds draws the same patients, also for
            another run, whatever the order of the patients.

    Raises:
        ValueError: Input that is not usable.

    Source: Efron and Tibshirani, An introduction to the bootstrap, 1993,
    doi:10.1201/9780429246593; intervals given the fitted models: LeDell et al., Computationally
    efficient confidence intervals for cross-validated area under the ROC curve estimates, 2015,
    doi:10.1214/15-EJS1035.

    Example:
        >>> time = np.arange(1.0, 9.0)
        >>> fold = HeldOut(list("abcdefgh"), -time, np.ones(8, bool), time, np.full((8, 1), 0.5),
        ...                time < 4, np.ones(8, bool), time)
        >>> run = bootstrap([fold], grid_days=np.array([4.0]), horizons={"4d": 4.0}, resamples=20)
        >>> run.value["c_index"], run.value["brier_4d"]
        (1.0, 0.25)
    """
    if resamples < 1:
        raise ValueError(f"resamples must be at least 1, got {resamples}")
    if not folds or not all(len(fold.time) for fold in folds):
        raise ValueError("a bootstrap needs at least one fold, and patients in every fold")
    names, counts = _drawn(folds, resamples, seed)
    repeats = sorted({fold.repeat for fold in folds})
    by_repeat = [
        _of_repeat(
            [fold for fold in folds if fold.repeat == repeat],
            [drawn for fold, drawn in zip(folds, counts, strict=True) if fold.repeat == repeat],
            grid_days,
            horizons,
        )
        for repeat in repeats
    ]
    whole = {name: np.mean([part[name] for part in by_repeat], axis=0) for name in by_repeat[0]}
    # A ratio is averaged over repeats on its logarithm.
    whole["hazard_ratio"] = np.exp(whole.pop("log_hazard_ratio"))
    missing = {
        name: "it cannot be computed in every fold"
        for name, values in whole.items()
        if not np.isfinite(values[0])
    }
    return Bootstrap(
        value={name: float(values[0]) for name, values in whole.items()},
        draws={name: values[1:] for name, values in whole.items()},
        missing=missing,
        key=(names, seed, resamples),
    )


def percentile_interval(run: Bootstrap, name: str, *, level: float = 0.95) -> Estimate:
    """A metric with its percentile interval; p is NaN.

    Args:
        run: From `bootstrap`.
        name: Of the metric.
        level: Of the interval.

    Returns:
        NaN with a reason where the metric has no value; a value without an interval where more than
        5 % of the resamples have none, such as those without an event by the horizon.

    Raises:
        KeyError: No such metric.

    Source: as `bootstrap`.
    """
    if name in run.missing:
        return Estimate.missing(run.missing[name])
    return _percentiles(run.value[name], run.draws[name], level, hypothesis=None)


def paired_difference(
    one: Bootstrap, other: Bootstrap, name: str, *, level: float = 0.95
) -> Estimate:
    """One run's metric minus another's, with interval and p, from the same drawn patients.

    Args:
        one: From `bootstrap`.
        other: From `bootstrap` on the same patients and folds, with the same seed.
        name: Of the metric.
        level: Of the interval.

    Returns:
        The difference, its percentile interval, and p of no difference: twice the smaller share of
        resamples on either side of 0, (1 + number) / (1 + resamples). NaN as `percentile_interval`.

    Raises:
        ValueError: The runs did not draw the same patients.
        KeyError: No such metric.

    Source: as `bootstrap`.
    """
    if one.key != other.key:
        raise ValueError(
            "the runs cannot be paired: they need the same patients in the same folds, seed and "
            "number of resamples"
        )
    for run in (one, other):
        if name in run.missing:
            return Estimate.missing(run.missing[name])
    return _percentiles(
        one.value[name] - other.value[name],
        one.draws[name] - other.draws[name],
        level,
        hypothesis=0.0,
    )


def _drawn(
    folds: Sequence[HeldOut], resamples: int, seed: int
) -> tuple[tuple[str, ...], list[Float[Array, "R _"]]]:
    """How often each patient of each fold occurs; first as they are, then in each resample."""
    place: dict[str, int] = {}
    columns: list[Array] = []
    first = folds[0].repeat
    drawn_folds = sorted(sorted(fold.patient_id) for fold in folds if fold.repeat == first)
    random = np.random.default_rng([seed, 31])
    for members in drawn_folds:
        n = len(members)
        for name in members:
            if name in place:
                raise ValueError(f"patient {name} is held out twice in one repeat")
            place[name] = len(place)
        columns.append(random.multinomial(n, np.full(n, 1 / n), size=resamples))
    counts = np.concatenate(columns, axis=1).astype(np.float64)
    counts = np.concatenate([np.ones((1, len(place))), counts])
    # A stranger has no outcome to be drawn with.
    strangers = sorted({name for fold in folds for name in fold.patient_id} - place.keys())
    if strangers:
        raise ValueError(f"patient {strangers[0]} is not held out in the first repeat")
    every = sorted((fold.repeat, sorted(fold.patient_id)) for fold in folds)
    key = tuple(name for repeat, members in every for name in (f"repeat {repeat}", *members))
    return key, [counts[:, [place[name] for name in fold.patient_id]] for fold in folds]


def _of_repeat(
    folds: list[HeldOut],
    counts: list[Float[Array, "R _"]],
    grid_days: Float[Array, " T"],
    horizons: Mapping[str, float],
) -> dict[str, Float[Array, " R"]]:
    parts = [
        fold_draws(fold, counts=drawn, grid_days=grid_days, horizons=horizons)
        for fold, drawn in zip(folds, counts, strict=True)
    ]
    means = {
        name: np.mean([part.metrics[name] for part in parts], axis=0) for name in parts[0].metrics
    }
    comparable = np.sum([part.pairs.comparable for part in parts], axis=0)
    concordant = np.sum([part.pairs.concordant for part in parts], axis=0)
    means["c_index_pooled"] = np.divide(
        concordant, comparable, out=np.full(len(comparable), np.nan), where=comparable > 0
    )
    return means | pooled_draws(folds, counts=counts, horizons=horizons)


def _percentiles(
    value: float, draws: Float[Array, " R"], level: float, *, hypothesis: float | None
) -> Estimate:
    if not 0 < level < 1:
        raise ValueError(f"level must be between 0 and 1, got {level:g}")
    nan = float("nan")
    known = draws[np.isfinite(draws)]
    lost = len(draws) - len(known)
    if lost > LOST_AT_MOST * len(draws):
        reason = f"no interval: {lost} of {len(draws)} resamples have no value"
        return Estimate(value, nan, nan, nan, reason)
    lower, upper = np.quantile(known, [(1 - level) / 2, (1 + level) / 2])
    p = nan
    if hypothesis is not None:
        sides = (int((known <= hypothesis).sum()), int((known >= hypothesis).sum()))
        p = min(1.0, 2 * (1 + min(sides)) / (1 + len(known)))
    return Estimate(value, float(lower), float(upper), p)

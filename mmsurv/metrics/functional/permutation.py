"""What chance alone gives: outcomes dealt anew within the fold, predictions left as they are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int

from mmsurv.checks import check_finite
from mmsurv.metrics.functional.concordance import comparable_pairs, concordance
from mmsurv.metrics.functional.counting import count_below
from mmsurv.metrics.functional.logrank import logrank_statistic
from mmsurv.metrics.functional.value import Estimate, Value

Array = np.ndarray

# Numbers of one working array.
_NUMBERS = 500_000


class Scored(NamedTuple):
    """The held-out patients of a fold.

    Attributes:
        log_hazard: eta; its origin is that of the fold.
        event: True = it happened.
        time: Positive, in any unit.
    """

    log_hazard: Float[Array, " n"]
    event: Bool[Array, " n"]
    time: Float[Array, " n"]


def null_band(
    folds: Sequence[Scored], *, permutations: int = 1000, seed: int = 0, level: float = 0.95
) -> Estimate:
    r"""The cross-validated C-index that predictions without any information would have.

    Within each fold the outcomes (time and event together) are dealt anew to the patients, and the
    mean C-index over folds is computed; the models are not fitted again. Given its training
    patients, the predictions of a fold are fixed, so that under the hypothesis that they say
    nothing about the outcome, every deal of the fold is equally likely.

    Args:
        folds: Held-out patients of every fold, and of every repeat where there are several.
        permutations: At least 1.
        seed: Of the deals.
        level: Of the band.

    Returns:
        `value`: the mean C-index over folds as it is; `lower` and `upper`: the band of the null,
        around 0.5, not of the value; `p`: the share of deals with a C-index at least as high,
        one-sided, (1 + number) / (1 + permutations). NaN where a fold has no comparable pair.

    Raises:
        ValueError: Input that is not usable.

    Source: Ojala and Garriga, Permutation tests for studying classifier performance, 2010,
    https://www.jmlr.org/papers/v11/ojala10a.html; the smallest p: Phipson and Smyth, 2010,
    doi:10.2202/1544-6115.1585.

    Example:
        >>> fold = Scored(np.arange(8.0), np.ones(8, bool), np.arange(8.0, 0.0, -1.0))
        >>> band = null_band([fold, fold], permutations=200)
        >>> band.value, band.lower < 0.5 < band.upper, round(band.p, 3)
        (1.0, True, 0.005)
    """
    _check_deals(permutations, level)
    values = [concordance(**fold._asdict()) for fold in folds]
    reasons = sorted({value.reason for value in values if value.reason})
    if reasons or not values:
        return Estimate.missing("; ".join(reasons) or "no fold")
    random = np.random.default_rng(seed)
    chance = np.mean([_dealt_concordance(fold, permutations, random) for fold in folds], axis=0)
    observed = float(np.mean([value.value for value in values]))
    lower, upper = np.quantile(chance, [(1 - level) / 2, (1 + level) / 2])
    # Deals that equal the observed one must not fall below it by rounding.
    p = (1 + int((chance >= observed - 1e-12).sum())) / (1 + permutations)
    return Estimate(observed, float(lower), float(upper), p)


def permutation_logrank(
    *,
    event: Bool[Array, " n"],
    time: Float[Array, " n"],
    group: Bool[Array, " n"],
    fold: Int[Array, " n"],
    permutations: int = 1000,
    seed: int = 0,
) -> Value:
    r"""Chance of a split of out-of-fold risk groups as wide, outcomes dealt anew within folds.

    The plain log-rank p of pooled out-of-fold groups is not valid: the groups were cut by models
    that share training patients, and a patient's outcome helped to cut the groups of the others.
    Here the log-rank statistic of the pooled groups is compared with its values when the outcomes
    (time and event together) are dealt anew within each fold, with the risk groups left where they
    are:

    .. math:: p = \frac{1 + \#\{b: \chi^2_b \ge \chi^2\}}{1 + B}

    What it tests: given the stored predictions and the fold of every patient, a held-out patient's
    outcome has nothing to do with the risk group. It conditions on the fitted models and their
    groups. Simon et al. deal the outcomes before the models are fitted and repeat the whole
    cross-validation for every deal, which also covers how outcomes of one fold move the groups of
    another; that costs a training for each deal and fold. Within a fold the deals here are exact,
    for its groups were made without its outcomes. Between folds the dependence that a refit
    would show is left out. Differences between folds, in the cut, in the events or in the
    follow-up, are kept in every deal and so cannot pass for an effect.

    Args:
        event: True = it happened.
        time: Positive, in any unit.
        group: Predicted out of fold, such as high risk.
        fold: Of each patient; every patient once.
        permutations: At least 1.
        seed: Of the deals.

    Returns:
        p, two-sided: a split the wrong way round counts as one; see the hazard ratio for its side.
        NaN where the log-rank statistic is.

    Raises:
        ValueError: Input that is not usable.

    Source: Simon et al., Using cross-validation to evaluate predictive accuracy of survival risk
    classifiers based on high-dimensional data, 2011, doi:10.1093/bib/bbr001.

    Example:
        >>> time, group = np.arange(1.0, 21.0), np.arange(20) < 10
        >>> p = permutation_logrank(event=np.ones(20, bool), time=time, group=group,
        ...                         fold=np.arange(20) % 2, permutations=199)
        >>> p.value
        0.005
    """
    _check_deals(permutations, 0.5)
    if fold.shape != time.shape:
        raise ValueError(f"fold must be {len(time)} numbers, got shape {fold.shape}")
    observed = logrank_statistic(time=time, event=event, group=group)
    if observed.reason:
        return observed
    order = np.argsort(-time, kind="stable")
    event, time, group, fold = event[order], time[order], group[order], fold[order]
    random = np.random.default_rng(seed)
    reached = 0
    chunk = max(_NUMBERS // len(time), 1)
    for begin in range(0, permutations, chunk):
        deals = np.tile(group, (min(chunk, permutations - begin), 1))
        for number in np.unique(fold):
            members = np.flatnonzero(fold == number)
            deals[:, members] = random.permuted(deals[:, members], axis=1)
        statistic = _logrank_statistics(deals, event, time)
        reached += int((statistic >= observed.value * (1 - 1e-9)).sum())
    return Value((1 + reached) / (1 + permutations))


def _dealt_concordance(
    fold: Scored, permutations: int, random: np.random.Generator
) -> Float[Array, " P"]:
    """C-index of each deal: all deals of a chunk lie in one row and are counted together."""
    n = len(fold.time)
    check_finite("log_hazard", fold.log_hazard, n)
    pairs = comparable_pairs(event=fold.event, time=fold.time)
    order = np.lexsort((~fold.event, fold.time))
    event, time = fold.event[order], fold.time[order]
    cases = np.flatnonzero(event)
    # Behind the last event of the same time; events stand before the censored of their time.
    behind = np.searchsorted(time, time[cases], side="left") + _events_at(time, event)[cases]
    _, rank = np.unique(fold.log_hazard, return_inverse=True)
    values = []
    chunk = max(_NUMBERS // n, 1)
    for begin in range(0, permutations, chunk):
        deals = min(chunk, permutations - begin)
        dealt = random.permuted(np.tile(rank, (deals, 1)), axis=1)
        start = (np.arange(deals)[:, None] * n + behind).ravel()
        stop = np.repeat(np.arange(1, deals + 1) * n, len(cases))
        of_case = dealt[:, cases].ravel()
        less, not_more = (
            count_below(dealt.ravel(), start=start, stop=stop, bound=of_case + more)
            for more in (0, 1)
        )
        values.append((less + not_more).reshape(deals, -1).sum(axis=1) / (2 * pairs))
    return np.concatenate(values)


def _events_at(time: Float[Array, " n"], event: Bool[Array, " n"]) -> Int[Array, " n"]:
    """Events at the time of each patient."""
    _, where = np.unique(time, return_inverse=True)
    events: Array = np.bincount(where, weights=event).astype(np.int64)[where]
    return events


def _logrank_statistics(
    groups: Bool[Array, "P n"], event: Bool[Array, " n"], time: Float[Array, " n"]
) -> Float[Array, " P"]:
    """Log-rank statistic of each grouping; patients by falling time."""
    died = np.flatnonzero(event)
    when, first = np.unique(-time[died], return_index=True)
    last = np.searchsorted(-time, when, side="right") - 1
    at_risk = last + 1.0
    deaths = np.diff(np.append(first, len(died))).astype(np.float64)
    in_group = groups.cumsum(axis=1, dtype=np.int64)[:, last]
    excess = groups[:, died].sum(axis=1) - in_group @ (deaths / at_risk)
    spread = deaths * (at_risk - deaths) / np.maximum(at_risk - 1, 1) / at_risk**2
    variance = (in_group * (at_risk - in_group)) @ spread
    statistic: Array = np.divide(
        excess**2, variance, out=np.zeros(len(groups)), where=variance > 1e-12
    )
    return statistic


def _check_deals(permutations: int, level: float) -> None:
    if permutations < 1:
        raise ValueError(f"permutations must be at least 1, got {permutations}")
    if not 0 < level < 1:
        raise ValueError(f"level must be between 0 and 1, got {level:g}")

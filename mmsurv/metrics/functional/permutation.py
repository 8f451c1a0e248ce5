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
    folds: Sequence[Scored],
    *,
    test_share: float,
    permutations: int = 1000,
    seed: int = 0,
    level: float = 0.95,
) -> Estimate:
    r"""The cross-validated C-index that predictions without any information would have.

    Within each fold the outcomes (time and event together) are dealt anew to the patients, and the
    mean C-index over folds is computed; the models are not fitted again. Within a fold the deals
    are exact, for its predictions were made without its outcomes. Over J folds they are too much
    alike: a pair of folds that agree by chance helps both, since each trains the other's model, and
    deals that leave the models alone do not see it. The deviations from 0.5 are therefore widened
    as Nadeau and Bengio widen the variance of a mean over folds:

    .. math:: \tfrac12 + \sqrt{1 + J \tfrac{n_2}{n_1}} \; \big( \bar C_b - \tfrac12 \big)

    Args:
        folds: Held-out patients of every fold, and of every repeat where there are several.
        test_share: n_2 / n_1: test over training patients of a fold, such as 1/4 for five folds; 0
            for models that saw none of these patients.
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
    https://www.jmlr.org/papers/v11/ojala10a.html; the widening: as `corrected_resampled`; the
    smallest p: Phipson and Smyth, 2010, doi:10.2202/1544-6115.1585.

    Example:
        >>> fold = Scored(np.arange(8.0), np.ones(8, bool), np.arange(8.0, 0.0, -1.0))
        >>> band = null_band([fold] * 4, test_share=1 / 3, permutations=200)
        >>> band.value, band.lower < 0.5 < band.upper, round(band.p, 3)
        (1.0, True, 0.005)
    """
    _check_deals(permutations, level, test_share)
    values = [concordance(**fold._asdict()) for fold in folds]
    reasons = sorted({value.reason for value in values if value.reason})
    if reasons or not values:
        return Estimate.missing("; ".join(reasons) or "no fold")
    random = np.random.default_rng(seed)
    dealt = np.mean([_dealt_concordance(fold, permutations, random) for fold in folds], axis=0)
    wider = (1 + len(folds) * test_share) ** 0.5
    chance = (0.5 + wider * (dealt - 0.5)).clip(0.0, 1.0)
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
    test_share: float,
    permutations: int = 1000,
    seed: int = 0,
) -> Value:
    r"""Chance of a split of out-of-fold risk groups as wide, outcomes dealt anew within folds.

    The plain log-rank p of pooled out-of-fold groups is not valid: a patient's outcome helped to
    cut the groups of all other folds, so that folds that agree by chance count twice. Here the
    signed log-rank statistic z of the pooled groups is compared with its values when the outcomes
    (time and event together) are dealt anew within each of K folds, with the risk groups left where
    they are; the deals are widened as in `null_band`:

    .. math:: p = \frac{1 + \#\{b: \sqrt{1 + K \tfrac{n_2}{n_1}} \, |z_b - \bar z| \ge
              |z - \bar z| \}}{1 + B}

    What it tests: given the stored groups and the fold of every patient, a held-out patient's
    outcome has nothing to do with the risk group. It conditions on the fitted models; what their
    shared patients do to the spread is put in by the widening, not found by the deals. Simon et al.
    deal the outcomes before the models are fitted and repeat the whole cross-validation for every
    deal. That finds it, and costs a training for each deal and fold. Differences between folds, in
    the cut, in the events or in the follow-up, are kept in every deal and so cannot pass for an
    effect.

    Args:
        event: True = it happened.
        time: Positive, in any unit.
        group: Predicted out of fold, such as high risk.
        fold: Of each patient; every patient once.
        test_share: n_2 / n_1: test over training patients of a fold, such as 1/4 for five folds; 0
            for models that saw none of these patients.
        permutations: At least 1.
        seed: Of the deals.

    Returns:
        p, two-sided: a split the wrong way round counts as one; see the hazard ratio for its side.
        NaN where the log-rank statistic is.

    Raises:
        ValueError: Input that is not usable.

    Source: Simon et al., Using cross-validation to evaluate predictive accuracy of survival risk
    classifiers based on high-dimensional data, 2011, doi:10.1093/bib/bbr001; the widening: as
    `corrected_resampled`.

    Example:
        >>> time, group = np.arange(1.0, 61.0), np.arange(60) < 30
        >>> p = permutation_logrank(event=np.ones(60, bool), time=time, group=group,
        ...                         fold=np.arange(60) % 5, test_share=1 / 4, permutations=199)
        >>> p.value
        0.005
    """
    _check_deals(permutations, 0.5, test_share)
    if fold.shape != time.shape:
        raise ValueError(f"fold must be {len(time)} numbers, got shape {fold.shape}")
    plain = logrank_statistic(time=time, event=event, group=group)
    if plain.reason:
        return plain
    order = np.argsort(-time, kind="stable")
    event, time, group, fold = event[order], time[order], group[order], fold[order]
    random = np.random.default_rng(seed)
    parts = []
    chunk = max(_NUMBERS // len(time), 1)
    members = [np.flatnonzero(fold == number) for number in np.unique(fold)]
    for begin in range(0, permutations, chunk):
        deals = np.tile(group, (min(chunk, permutations - begin), 1))
        for rows in members:
            deals[:, rows] = random.permuted(deals[:, rows], axis=1)
        parts.append(_signed_logrank(deals, event, time))
    dealt = np.concatenate(parts)
    (observed,) = _signed_logrank(group[None], event, time)
    wider = (1 + len(members) * test_share) ** 0.5
    spread = wider * np.abs(dealt - dealt.mean())
    reached = int((spread >= abs(observed - dealt.mean()) * (1 - 1e-9)).sum())
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


def _signed_logrank(
    groups: Bool[Array, "P n"], event: Bool[Array, " n"], time: Float[Array, " n"]
) -> Float[Array, " P"]:
    """Root of the log-rank statistic of each grouping, above 0 where the group has more events.

    Patients by falling time.
    """
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
        excess, np.sqrt(variance), out=np.zeros(len(groups)), where=variance > 1e-12
    )
    return statistic


def _check_deals(permutations: int, level: float, test_share: float) -> None:
    if permutations < 1:
        raise ValueError(f"permutations must be at least 1, got {permutations}")
    if not 0 < level < 1:
        raise ValueError(f"level must be between 0 and 1, got {level:g}")
    if not test_share >= 0:
        raise ValueError(f"test_share must not be negative, got {test_share:g}")

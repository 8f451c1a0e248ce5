"""Where C-indices without information lie, without dealing: the moments of all deals are known."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float
from scipy import stats

from mmsurv.metrics.functional.concordance import concordant_led, pairs_led
from mmsurv.metrics.functional.value import Estimate

Array = np.ndarray


class FoldChance(NamedTuple):
    """A C-index, and its spread over all deals of the outcomes to the patients of the fold.

    Attributes:
        value: The C-index as it is; NaN without a comparable pair.
        spread: Standard deviation over all deals, whose mean is 0.5.
        pairs: Comparable pairs, weighted where the C-index is.
    """

    value: float
    spread: float
    pairs: float


def fold_chance(
    *,
    log_hazard: Float[Array, " n"],
    event: Bool[Array, " n"],
    time: Float[Array, " n"],
    weight: Float[Array, " n"] | None = None,
) -> FoldChance:
    r"""Harrell's C of a fold, or Uno's where its weights are given, and what dealing makes of it.

    Outcomes (time, event, weight together) are dealt anew to the patients in every possible way.
    Two pairs without a common patient are then uncorrelated, and the variance is exact, with ties:

    .. math:: \mathrm{Var}(m C) = c \Big( \sum_v (o_v - i_v)^2 - 2 \sum_p w_p^2 \Big)
              + v \sum_p w_p^2

    over patients v and comparable pairs p of weight w, with m = sum of w, o the weight of the pairs
    that v leads, i of those in which v is the later one, :math:`v = E s_{12}^2` and
    :math:`c = E s_{12} s_{13}` over patients of the fold, where s is half the sign of the
    difference of their log hazards (1/4 and 1/12 without ties). O(n log n).

    Args:
        log_hazard: eta; only its order matters.
        event: True = it happened.
        time: Positive, in any unit.
        weight: Of the pairs that each patient leads, such as 1 / G(t)^2 before the truncation of
            Uno's C and 0 after it; 1 by default. Only that of events is read.

    Raises:
        ValueError: Input that is not usable.

    Source: Kendall, A new measure of rank correlation, 1938, doi:10.1093/biomet/30.1-2.81, whose
    variance this is where all pairs are comparable; Daniels, The relation between measures of
    correlation in the universe of sample permutations, 1944, doi:10.1093/biomet/33.2.129.

    Example:
        >>> found = fold_chance(log_hazard=np.array([3.0, 1.0, 2.0]), event=np.ones(3, bool),
        ...                     time=np.array([1.0, 2.0, 3.0]))
        >>> round(found.value, 3), round(found.spread, 3), found.pairs
        (0.667, 0.319, 3.0)
    """
    led = pairs_led(event, time).astype(np.float64)
    of_case = np.ones(len(led)) if weight is None else weight[event]
    pairs = float(of_case @ led)
    if not pairs > 0:
        return FoldChance(float("nan"), float("nan"), 0.0)
    net = -_led_by_others(event, time, of_case)
    net[event] += of_case * led
    squares = float(of_case**2 @ led)
    own, shared = _moments(log_hazard)
    variance = shared * (float(net @ net) - 2 * squares) + own * squares
    value = float(of_case @ concordant_led(log_hazard, event, time)) / pairs
    return FoldChance(value, max(variance, 0.0) ** 0.5 / pairs, pairs)


def chance_band(
    folds: Sequence[FoldChance], *, test_share: float, pooled: bool = False, level: float = 0.95
) -> Estimate:
    r"""The band of `null_band` from the moments of its deals: no seed, and no noise of dealing.

    .. math:: \tfrac12 \pm z \sqrt{\Big( 1 + \tfrac{n_2}{n_1} \Big/ \sum_k a_k^2 \Big)
              \sum_k a_k^2 s_k^2}

    with the spread s of a fold and its share a of the number: 1/J in a mean over J folds, for which
    the widening is that of `null_band`, or its part of all comparable pairs. The shape is taken for
    normal.

    Args:
        folds: Of `fold_chance`, of every repeat where there are several.
        test_share: n_2 / n_1: test over training patients of a fold, such as 1/4 for five folds; 0
            for models that saw none of these patients.
        pooled: Weigh folds by their pairs, and leave out those without.
        level: Of the band.

    Returns:
        `value`: the C-index as it is; `lower` and `upper`: the band of the null, around 0.5, not of
        the value; `p`: chance of a C-index at least as high, one-sided. NaN where a fold that
        counts has no comparable pair.

    Raises:
        ValueError: A share or level that is out of range.

    Source: as `null_band`.

    Example:
        >>> band = chance_band([FoldChance(0.7, 0.05, 300.0)] * 4, test_share=1 / 3)
        >>> round(band.lower, 3), round(band.upper, 3), round(band.value, 3), band.p < 0.001
        (0.425, 0.575, 0.7, True)
    """
    if not 0 < level < 1:
        raise ValueError(f"level must be between 0 and 1, got {level:g}")
    if not test_share >= 0:
        raise ValueError(f"test_share must not be negative, got {test_share:g}")
    used = [fold for fold in folds if fold.pairs > 0]
    if not used or (len(used) < len(folds) and not pooled):
        return Estimate.missing("no comparable pair in a fold" if folds else "no fold")
    values, spreads, pairs = np.array(used, dtype=np.float64).T
    share = pairs / pairs.sum() if pooled else np.full(len(used), 1 / len(used))
    observed = float(share @ values)
    plain = float(share**2 @ spreads**2)
    spread = (plain * (1 + test_share / float(share @ share))) ** 0.5
    half = float(stats.norm.ppf((1 + level) / 2)) * spread
    p = float(stats.norm.sf((observed - 0.5) / spread)) if spread > 0 else 1.0
    return Estimate(observed, max(0.5 - half, 0.0), min(0.5 + half, 1.0), p)


def _led_by_others(
    event: Bool[Array, " n"], time: Float[Array, " n"], weight: Float[Array, " e"]
) -> Float[Array, " n"]:
    """Weight of the pairs in which each patient is the later one."""
    order = np.argsort(time[event], kind="stable")
    ended = time[event][order]
    upto = np.append(0.0, weight[order].cumsum())
    before = upto[np.searchsorted(ended, time, side="left")]
    # An event leads the censored of its own time.
    through = upto[np.searchsorted(ended, time, side="right")]
    led: Array = np.where(event, before, through)
    return led


def _moments(log_hazard: Float[Array, " n"]) -> tuple[float, float]:
    """E s12^2, and E s12 s13 over three patients, of half the sign of their difference."""
    n = len(log_hazard)
    ordered = np.sort(log_hazard)
    less = np.searchsorted(ordered, log_hazard, side="left").astype(np.float64)
    more = n - np.searchsorted(ordered, log_hazard, side="right").astype(np.float64)
    apart = less + more
    own = float(apart.sum()) / (4 * n * (n - 1))
    shared = float(((less - more) ** 2 - apart).sum()) / (4 * max(n * (n - 1) * (n - 2), 1))
    return own, shared

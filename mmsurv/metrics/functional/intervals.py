"""Intervals and tests over folds and repeats, and the correction for many tests."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float
from scipy import stats

from mmsurv.metrics.functional.value import Estimate

Array = np.ndarray


def corrected_resampled(
    values: Float[Array, " J"],
    *,
    test_share: float,
    hypothesis: float = 0.0,
    level: float = 0.95,
) -> Estimate:
    r"""Mean over folds and repeats with the interval and test of Nadeau and Bengio.

    .. math:: \bar x \pm t_{J-1} \sqrt{\Big( \frac1J + \frac{n_2}{n_1} \Big) s^2}

    Folds share training patients, so the values are not independent and s²/J is too small, the more
    so the more repeats there are. The correction adds the ratio of test to training patients, for
    which it assumes that the correlation of two folds is the share of the test patients. With the
    five values of one cross-validation it is wide; that is what five values know.

    Args:
        values: Of every fold of every repeat; differences of two models on the same folds give the
            paired test.
        test_share: n_2 / n_1: test over training patients of a fold, such as 1/4 for five folds.
        hypothesis: The mean that p is about, such as 0 for a difference and 0.5 for a C-index.
        level: Of the interval.

    Returns:
        Mean, interval and p; NaN with a reason where a value is NaN or there are fewer than two.

    Raises:
        ValueError: A share or level that is out of range.

    Source: Nadeau and Bengio, Inference for the generalization error, 2003,
    doi:10.1023/A:1024068626366; over repeated folds: Bouckaert and Frank, Evaluating the
    replicability of significance tests for comparing learning algorithms, 2004,
    doi:10.1007/978-3-540-24775-3_3.

    Example:
        >>> mean = corrected_resampled(np.array([0.70, 0.72, 0.68, 0.71, 0.69]), test_share=0.25)
        >>> round(mean.value, 3), round(mean.lower, 3), round(mean.upper, 3)
        (0.7, 0.671, 0.729)
    """
    if not test_share > 0:
        raise ValueError(f"test_share must be positive, got {test_share:g}")
    if not 0 < level < 1:
        raise ValueError(f"level must be between 0 and 1, got {level:g}")
    if len(values) == 0:
        return Estimate.missing("no fold")
    lost = int(np.isnan(values).sum())
    if lost:
        return Estimate.missing(f"{lost} of {len(values)} folds have no value")
    mean = float(values.mean())
    nan = float("nan")
    if len(values) == 1:
        return Estimate(mean, nan, nan, nan, "one fold has no interval")
    spread = float(np.sqrt((1 / len(values) + test_share) * values.var(ddof=1)))
    df = len(values) - 1
    if spread == 0:
        return Estimate(mean, mean, mean, 1.0 if mean == hypothesis else 0.0)
    half = float(stats.t.ppf((1 + level) / 2, df)) * spread
    p = float(2 * stats.t.sf(abs(mean - hypothesis) / spread, df))
    return Estimate(mean, mean - half, mean + half, p)


def holm(p: Float[Array, " k"]) -> Float[Array, " k"]:
    r"""Holm's adjusted p values: the chance of one false discovery among all is at most each.

    .. math:: \tilde p_{(i)} = \max_{j \le i} \min\big(1, (k - j + 1) \, p_{(j)} \big)

    It needs no independence. Values that could not be computed (NaN) stay NaN and do not count.

    Args:
        p: Of the tests that are looked at together.

    Raises:
        ValueError: A value outside [0, 1].

    Source: Holm, A simple sequentially rejective multiple test procedure, 1979,
    https://www.jstor.org/stable/4615733.

    Example:
        >>> holm(np.array([0.01, 0.04, 0.03])).round(3).tolist()
        [0.03, 0.06, 0.06]
    """
    known = np.flatnonzero(~np.isnan(p))
    if ((p[known] < 0) | (p[known] > 1)).any():
        raise ValueError(f"p values must be in [0, 1], got {p.tolist()}")
    adjusted = np.full(len(p), np.nan)
    order = known[np.argsort(p[known], kind="stable")]
    steps = p[order] * np.arange(len(order), 0, -1)
    adjusted[order] = np.minimum(np.maximum.accumulate(steps), 1.0)
    return adjusted

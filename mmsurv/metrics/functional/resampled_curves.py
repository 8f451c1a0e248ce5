"""Kaplan-Meier risk and restricted means of many resamples of the same patients."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float

from mmsurv.checks import check_follow_up

Array = np.ndarray


class ResampledCurve(NamedTuple):
    """Of each resample, at one horizon; NaN where it is not followed so far.

    Attributes:
        survival: Kaplan-Meier estimate at the horizon.
        restricted_mean: Area under the curve up to the horizon.
    """

    survival: Float[Array, " R"]
    restricted_mean: Float[Array, " R"]


def resampled_curve(
    *,
    event: Bool[Array, " n"],
    time: Float[Array, " n"],
    counts: Float[Array, "R n"],
    until: float,
) -> ResampledCurve:
    """`kaplan_meier` at a horizon and `restricted_mean`, for every resample at once.

    Args:
        event: True = it happened.
        time: Positive.
        counts: How often each patient occurs in each resample.
        until: The horizon, in the unit of `time`.

    Raises:
        ValueError: Input that is not usable.

    Example:
        >>> curve = resampled_curve(event=np.array([True, False]), time=np.array([1.0, 3.0]),
        ...                         counts=np.array([[1.0, 1.0], [1.0, 3.0]]), until=2.0)
        >>> curve.survival.tolist(), curve.restricted_mean.tolist()
        ([0.5, 0.75], [1.5, 1.75])
    """
    check_follow_up(event=event, time=time)
    if len(time) == 0:
        nothing = np.full(len(counts), np.nan)
        return ResampledCurve(nothing, nothing)
    order = np.argsort(time, kind="stable")
    when, first = np.unique(time[order], return_index=True)
    sorted_counts = counts[:, order]
    leaving = np.add.reduceat(sorted_counts, first, axis=1)
    deaths = np.add.reduceat(sorted_counts * event[order], first, axis=1)
    at_risk = leaving[:, ::-1].cumsum(axis=1)[:, ::-1]
    inside = when <= until
    factor = 1.0 - deaths[:, inside] / np.maximum(at_risk[:, inside], 1.0)
    survival = np.cumprod(factor, axis=1)
    survival = np.concatenate([np.ones((len(counts), 1)), survival], axis=1)
    areas = np.diff(np.concatenate([[0.0], when[inside], [until]]))
    # Followed to the horizon, or nobody left who could be.
    known = (leaving[:, when >= until].sum(axis=1) > 0) | (survival[:, -1] <= 1e-12)
    return ResampledCurve(
        np.where(known, survival[:, -1], np.nan), np.where(known, survival @ areas, np.nan)
    )

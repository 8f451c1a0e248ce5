"""A number, or the reason why there is none."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float

Array = np.ndarray


class Value(NamedTuple):
    """What a metric returns.

    Attributes:
        value: The number; NaN where it cannot be computed.
        reason: Why it cannot be computed; empty where it can.
    """

    value: float
    reason: str = ""

    @classmethod
    def missing(cls, reason: str) -> Value:
        """NaN with its reason."""
        return cls(float("nan"), reason)


def check_finite(name: str, values: Float[Array, ...]) -> None:
    """Refuses NaN and infinity: a library would score them as if they were an opinion.

    Raises:
        ValueError: Naming the first bad position and how many there are.
    """
    bad = ~np.isfinite(values)
    if bad.any():
        first = tuple(int(i) for i in np.argwhere(bad)[0])
        raise ValueError(
            f"{name} must be finite: {int(bad.sum())} of {bad.size} are not, the first at {first}"
        )


def check_survival_data(
    event: Bool[Array, " n"], time: Float[Array, " n"], **others: Float[Array, ...]
) -> None:
    """Refuses unlike lengths and values that are not finite.

    Raises:
        ValueError: Naming what is wrong.
    """
    check_finite("time", time)
    for name, values in {"event": event, **others}.items():
        if len(values) != len(time):
            raise ValueError(f"{name} has {len(values)} rows, time has {len(time)}")
        if name != "event":
            check_finite(name, values)

"""What a metric returns: a number, or the reason why there is none."""

from __future__ import annotations

from typing import NamedTuple

NAN = float("nan")


class Value(NamedTuple):
    """A metric's number.

    Attributes:
        value: The number; NaN where it cannot be computed, never a stand-in such as 0.
        reason: Why it is NaN, for a reader; empty where there is a number.
    """

    value: float
    reason: str = ""

    @classmethod
    def missing(cls, reason: str) -> Value:
        """A metric that cannot be computed.

        Example:
            >>> Value.missing("no event")
            Value(value=nan, reason='no event')
        """
        return cls(NAN, reason)


class Estimate(NamedTuple):
    """A number with its uncertainty.

    Attributes:
        value: The number; NaN where it cannot be computed.
        lower: Lower end of the interval; NaN where there is none.
        upper: Upper end of the interval; NaN where there is none.
        p: Two-sided p value of the hypothesis that the function names; NaN where it tests none.
        reason: Why something is NaN, for a reader; empty where nothing is that could be a number.
    """

    value: float
    lower: float
    upper: float
    p: float = NAN
    reason: str = ""

    @classmethod
    def missing(cls, reason: str) -> Estimate:
        """A number that cannot be computed, and so has no interval.

        Example:
            >>> Estimate.missing("no event").reason
            'no event'
        """
        return cls(NAN, NAN, NAN, NAN, reason)

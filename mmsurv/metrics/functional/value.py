"""What a metric returns: a number, or the reason why there is none."""

from __future__ import annotations

from typing import NamedTuple


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
        return cls(float("nan"), reason)

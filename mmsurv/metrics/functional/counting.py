"""Counting how many numbers of a stretch lie below a bound, for many stretches at once."""

from __future__ import annotations

import numpy as np
from jaxtyping import Int

Array = np.ndarray


def count_below(
    numbers: Int[Array, " n"],
    *,
    start: Int[Array, " q"],
    stop: Int[Array, " q"],
    bound: Int[Array, " q"],
) -> Int[Array, " q"]:
    """How many of `numbers[start:stop]` are less than `bound`, for every triple.

    A wavelet matrix: the numbers are parted by their highest bit, each stretch is followed into
    its half, and so on down to the last bit. O((n + q) log max) time and O(n + q) memory, where
    comparing all with all takes O(n q) of both.

    Args:
        numbers: Not negative.
        start: First places of the stretches.
        stop: Ends of the stretches, not before `start`.
        bound: Not negative.

    Source: Claude and Navarro, The wavelet matrix, 2012, doi:10.1007/978-3-642-34109-0_18.

    Example:
        >>> count_below(np.array([4, 0, 2, 2]), start=np.array([0, 1]), stop=np.array([4, 2]),
        ...             bound=np.array([3, 0])).tolist()
        [3, 0]
    """
    below = np.zeros(len(bound), dtype=np.int64)
    highest = max(int(numbers.max(initial=0)), int(bound.max(initial=0)))
    for bit in reversed(range(highest.bit_length())):
        zero = (numbers >> bit & 1) == 0
        zeros_before = np.append(0, np.cumsum(zero))
        low, high = zeros_before[start], zeros_before[stop]
        # A bound with this bit set is above all of the stretch that lack it.
        one = (bound >> bit & 1) == 1
        below += np.where(one, high - low, 0)
        zeros = zeros_before[-1]
        start, stop = (
            np.where(one, zeros + start - low, low),
            np.where(one, zeros + stop - high, high),
        )
        numbers = np.concatenate([numbers[zero], numbers[~zero]])
    return below

"""Times of several alternatives, measured in turns so that a busy moment hits all of them."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple


class Moment(NamedTuple):
    """Two clocks, in seconds; differences of moments are durations.

    Attributes:
        wall: Time on the wall, which other programs on the machine lengthen.
        cpu: Time that this process computed.
    """

    wall: float
    cpu: float

    def until(self, later: Moment) -> Moment:
        """Durations from this moment to a later one."""
        return Moment(later.wall - self.wall, later.cpu - self.cpu)


def now() -> Moment:
    """Both clocks."""
    return Moment(time.perf_counter(), time.process_time())


def seconds_of(call: Callable[[], object]) -> float:
    """Wall-clock seconds of one call."""
    started = now()
    call()
    return started.until(now()).wall


def interleaved(
    calls: Mapping[str, Callable[[], object]], *, repetitions: int, warm_up: int = 1
) -> dict[str, list[float]]:
    """Seconds of every call, one round of all after the other.

    Example:
        >>> times = interleaved({"a": list, "b": dict}, repetitions=3)
        >>> sorted(times), len(times["a"])
        (['a', 'b'], 3)
    """
    rounds = [
        {name: seconds_of(call) for name, call in calls.items()}
        for _ in range(warm_up + repetitions)
    ]
    return {name: [done[name] for done in rounds[warm_up:]] for name in calls}


def median_ratio(times: Sequence[float], baseline: Sequence[float]) -> float:
    """Median of the ratios of neighbours in time: drifts of the machine's speed cancel.

    Example:
        >>> median_ratio([2.0, 4.0, 9.0], [1.0, 2.0, 3.0])
        2.0
    """
    return statistics.median(a / b for a, b in zip(times, baseline, strict=True))

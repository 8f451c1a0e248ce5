from __future__ import annotations

from experiments.benchmarks.clock import Moment, interleaved, median_ratio, now, seconds_of


def test_calls_take_turns_and_the_warm_up_is_not_counted() -> None:
    order: list[str] = []
    calls = {name: lambda name=name: order.append(name) for name in "ab"}
    times = interleaved(calls, repetitions=2, warm_up=1)
    assert order == ["a", "b"] * 3
    assert {name: len(values) for name, values in times.items()} == {"a": 2, "b": 2}
    assert all(value >= 0 for values in times.values() for value in values)


def test_the_ratio_is_of_neighbours() -> None:
    # The machine became ten times slower in between; the ratio did not change.
    assert median_ratio([2.0, 20.0, 20.0], [1.0, 10.0, 10.0]) == 2.0


def test_durations() -> None:
    assert Moment(1.0, 2.0).until(Moment(4.0, 3.0)) == (3.0, 1.0)
    start = now()
    assert seconds_of(lambda: sum(range(1000))) > 0
    assert min(start.until(now())) >= 0

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from mmsurv.metrics.functional.counting import count_below


@given(
    numbers=st.lists(st.integers(0, 9), max_size=20),
    asked=st.lists(st.tuples(st.integers(0, 20), st.integers(0, 20), st.integers(0, 40))),
)
def test_equals_counting_one_by_one(numbers, asked) -> None:
    start = np.array([min(a, b, len(numbers)) for a, b, _ in asked], dtype=int)
    stop = np.array([min(max(a, b), len(numbers)) for a, b, _ in asked], dtype=int)
    bound = np.array([bound for *_, bound in asked], dtype=int)
    counted = count_below(np.array(numbers, dtype=int), start=start, stop=stop, bound=bound)
    expected = [
        sum(n < limit for n in numbers[a:b]) for a, b, limit in zip(start, stop, bound, strict=True)
    ]
    assert counted.tolist() == expected

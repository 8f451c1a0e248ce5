from __future__ import annotations

import numpy as np
import pytest
from threadpoolctl import threadpool_info

from experiments.baselines.model import Sample, one_thread


def test_a_part_keeps_rows_together() -> None:
    sample = Sample(
        np.arange(4.0)[:, None], np.array([True, False, True, False]), np.arange(4.0), 3
    )
    part = sample.part(np.array([False, False, True, True]))
    assert part.x[:, 0].tolist() == part.time.tolist() == [2.0, 3.0]
    assert part.event.tolist() == [True, False]
    assert part.seed == 3


def test_linear_algebra_runs_on_one_thread_inside() -> None:
    with one_thread():
        inside = {library["num_threads"] for library in threadpool_info()}
    assert inside == {1}


def test_the_limit_ends_with_an_error() -> None:
    before = [library["num_threads"] for library in threadpool_info()]
    with pytest.raises(ZeroDivisionError), one_thread():
        raise ZeroDivisionError
    assert [library["num_threads"] for library in threadpool_info()] == before

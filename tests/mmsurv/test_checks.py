from __future__ import annotations

import numpy as np
import pytest

from mmsurv.checks import check_finite, check_follow_up


def test_an_event_code_is_not_an_event() -> None:
    with pytest.raises(ValueError, match="event must be bool, got int64: compare with its code"):
        check_follow_up(event=np.array([1, 2]), time=np.ones(2))


@pytest.mark.parametrize("shape", [(3,), (2, 1)])
def test_unlike_shapes_are_refused(shape) -> None:
    with pytest.raises(ValueError, match=r"training event and time must be two columns"):
        check_follow_up(event=np.ones(shape, dtype=bool), time=np.ones(2), of="training")


@pytest.mark.parametrize("bad", [0.0, -1.0, np.nan, np.inf])
def test_a_time_that_is_no_time_is_refused_by_its_row(bad) -> None:
    with pytest.raises(ValueError, match=f"row 1 is {bad}: exclude that patient"):
        check_follow_up(event=np.ones(3, dtype=bool), time=np.array([1.0, bad, bad]))


def test_rows_are_counted_and_named() -> None:
    check_finite("x", np.zeros((0, 4)), 0)
    with pytest.raises(ValueError, match=r"x must have 3 rows, one a patient, got shape \(2,\)"):
        check_finite("x", np.zeros(2), 3)
    with pytest.raises(ValueError, match=r"x must have 1 rows, one a patient, got shape \(\)"):
        check_finite("x", np.array(1.0), 1)
    matrix = np.zeros((3, 4))
    matrix[2, 1] = -np.inf
    with pytest.raises(ValueError, match="x must be finite, row 2 is -inf"):
        check_finite("x", matrix, 3)

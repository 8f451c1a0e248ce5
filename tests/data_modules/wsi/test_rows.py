from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_modules.wsi.rows import Rows, kept_rows, rows_of

ABOUT = {"slide_digest": "a"}


def values(count: int) -> np.ndarray:
    return np.arange(count * 3, dtype=np.float32).reshape(count, 3)


def opened(target, about=ABOUT, *, count=10, batch=4) -> Rows:
    return Rows(target, about, count=count, width=3, batch=batch)


def test_rows_come_back_and_their_file_goes(tmp_path) -> None:
    with opened(tmp_path / "A.h5") as rows:
        rows.add(values(10)[:4])
        rows.add(values(10)[4:])
        np.testing.assert_array_equal(rows.read(), values(10))
        rows.remove()
    assert list(tmp_path.iterdir()) == []


def test_no_rows_are_rows(tmp_path) -> None:
    with opened(tmp_path / "A.h5") as rows:
        assert rows.read().shape == (0, 3)


@given(cut=st.integers(0, 10 * 12), batch=st.integers(1, 5))
def test_whatever_is_cut_off_whole_batches_are_kept(tmp_path_factory, cut, batch) -> None:
    target = tmp_path_factory.mktemp("rows") / "A.h5"
    with opened(target, batch=batch) as rows:
        rows.add(values(10))
    path = rows_of(target)
    path.write_bytes(path.read_bytes()[: rows.start + cut])
    whole = cut // 12
    with opened(target, batch=batch) as again:
        assert again.done == (10 if whole == 10 else whole - whole % batch)
        np.testing.assert_array_equal(again.read(), values(10)[: again.done])
        again.add(values(10)[again.done :])
        np.testing.assert_array_equal(again.read(), values(10))


@pytest.mark.parametrize("cut", [0, 1, 10])
def test_a_first_line_that_was_not_finished_is_nothing(tmp_path, cut) -> None:
    with opened(tmp_path / "A.h5") as rows:
        rows.add(values(4))
    path = rows_of(tmp_path / "A.h5")
    path.write_bytes(path.read_bytes()[:cut])
    with opened(tmp_path / "A.h5") as again:
        assert again.done == 0


def test_rows_of_something_else_are_thrown_away(tmp_path) -> None:
    with opened(tmp_path / "A.h5") as rows:
        rows.add(values(8))
    with opened(tmp_path / "A.h5") as again:
        assert (again.done, again.threw) == (8, False)
    with opened(tmp_path / "A.h5", {"slide_digest": "b"}) as other:
        assert (other.done, other.threw) == (0, True)


def test_others_see_how_far_it_is(tmp_path) -> None:
    path = rows_of(tmp_path / "A.h5")
    assert kept_rows(path) is None
    with opened(tmp_path / "A.h5") as rows:
        rows.add(values(4))
        kept = kept_rows(path)
    assert kept is not None
    assert (kept.rows, kept.about["count"], kept.about["slide_digest"]) == (4, 10, "a")
    path.write_bytes(b"{}")
    assert kept_rows(path) is None
    path.write_bytes(b"\xff\n")
    assert kept_rows(path) is None

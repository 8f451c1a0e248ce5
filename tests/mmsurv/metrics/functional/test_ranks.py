from __future__ import annotations

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from mmsurv.metrics.functional.ranks import joint_ranks

numbers = st.lists(st.floats(allow_nan=False, allow_infinity=False, width=64), max_size=8)


@given(first=numbers, second=numbers)
def test_every_comparison_between_the_columns_is_kept(first, second) -> None:
    columns = [np.array(first, dtype=float), np.array(second, dtype=float)]
    ranks = joint_ranks(*columns)
    assert [len(r) for r in ranks] == [len(first), len(second)]
    assert all(r.dtype == torch.float32 for r in ranks)
    before, after = np.concatenate(columns), torch.cat(ranks).numpy()
    assert (np.less.outer(before, before) == np.less.outer(after, after)).all()

from __future__ import annotations

import pytest
import torch

from experiments.benchmarks.made_bags import MadeBags
from mmsurv.batch import collate


def test_bags_are_spread_over_the_sizes_and_the_same_every_time() -> None:
    bags, again = MadeBags(9, (4, 12), 3), MadeBags(9, (4, 12), 3)
    assert sorted(bags.counts) == list(range(4, 13))
    assert bags.counts != sorted(bags.counts)
    for position in range(9):
        assert bags[position].patches.equal(again[position].patches)
    assert any(bags[i].event for i in range(9))
    with pytest.raises(IndexError):
        bags[9]


def test_of_a_bag_so_much_is_taken_at_most() -> None:
    bags = MadeBags(5, (2, 10), 3, most=4)
    assert max(len(bags[i].patches) for i in range(5)) == 4
    assert min(len(bags[i].patches) for i in range(5)) == 2


def test_bags_of_a_given_table_make_batches() -> None:
    table = torch.ones(40, 3, dtype=torch.float16)
    batch = collate([MadeBags(2, (10, 10), 3, table=table)[i] for i in range(2)])
    assert batch.patches.tokens.shape == (20, 3)
    assert batch.patches.tokens.dtype == torch.float32

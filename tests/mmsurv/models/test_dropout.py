"""Dropout drops what the library's drops, and large masks are as random as theirs."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from mmsurv.models.dropout import LEAST_ELEMENTS, Dropout, many_kept


@pytest.mark.parametrize("p", [0.1, 0.5])
def test_masks_are_those_of_the_library_from_the_same_state(p: float) -> None:
    x = torch.randn(1000, 7)
    found = []
    for layer in (Dropout(p), nn.Dropout(p)):
        torch.manual_seed(3)
        found.append((layer(x), torch.rand(1)))
    assert torch.equal(found[0][0], found[1][0])
    assert torch.equal(found[0][1], found[1][1])


def test_dropout_leaves_its_input_alone_where_nothing_is_dropped() -> None:
    x = torch.randn(3)
    assert Dropout(0.0)(x) is x
    assert Dropout(0.5).eval()(x) is x


@pytest.mark.parametrize("p", [0.1, 0.5, 0.999])
def test_a_large_mask_keeps_its_share_of_every_column_and_neighbours_are_independent(
    p: float,
) -> None:
    torch.manual_seed(0)
    rows, width = LEAST_ELEMENTS // 8, 8
    out = Dropout(p)(torch.ones(rows, width))
    assert out.unique().tolist() == pytest.approx([0.0, 1 / (1 - p)], rel=1e-6)
    kept = (out > 0).double()
    sd = (p * (1 - p)) ** 0.5
    error = sd / rows**0.5
    assert (kept.mean(0) - (1 - p)).abs().max() < 4.5 * error + 1 / 2**16
    # Correlations of the columns, four of which are of the same random word, and of rows.
    between = torch.corrcoef(kept.T) - torch.eye(width)
    assert between.abs().max() < 4.5 / rows**0.5
    after = torch.corrcoef(torch.stack([kept.flatten()[:-width], kept.flatten()[width:]]))[0, 1]
    assert abs(after) < 4.5 / (rows * width) ** 0.5


def test_a_large_mask_is_another_each_time_and_the_same_from_the_same_state() -> None:
    x = torch.ones(LEAST_ELEMENTS // 64, 64)
    layer = Dropout(0.5)
    torch.manual_seed(0)
    first, second = layer(x), layer(x)
    torch.manual_seed(0)
    assert torch.equal(layer(x), first)
    assert not torch.equal(first, second)


@pytest.mark.parametrize("elements", [1, 2, 3, 4, 5])
def test_masks_of_any_length(elements: int) -> None:
    assert many_kept(elements, 0.5).shape == (elements,)
    assert many_kept(elements, 0.5).dtype == torch.bool


def test_all_or_nothing_is_kept() -> None:
    x = torch.ones(LEAST_ELEMENTS)[None]
    assert not Dropout(1.0)(x).any()
    assert torch.equal(Dropout(1e-9)(x), x)

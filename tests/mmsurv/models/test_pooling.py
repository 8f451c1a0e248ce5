from __future__ import annotations

from typing import get_args

import pytest
import torch

from mmsurv.batch import Ragged
from mmsurv.models.fusion import FUSIONS
from mmsurv.models.pooling import POOLINGS, LatentPooling
from mmsurv.names import FusionName, PoolingName


def test_every_name_has_its_class_and_every_class_its_name() -> None:
    assert set(get_args(PoolingName)) == set(POOLINGS)
    assert set(get_args(FusionName)) == set(FUSIONS)


@pytest.mark.parametrize("name", POOLINGS)
def test_an_empty_bag_pools_to_zeros(name) -> None:
    pooling = POOLINGS[name](8, 2, 0.0).eval()
    x = Ragged(torch.randn(3, 8), (0, 3))
    pooled = pooling.reduce(pooling.tokens(x))
    assert torch.equal(pooled[0], torch.zeros(8))
    assert pooled[1].abs().sum() > 0


@pytest.mark.parametrize("name", POOLINGS)
def test_one_patch_is_a_legitimate_bag(name) -> None:
    pooling = POOLINGS[name](8, 2, 0.0).eval()
    out = pooling.reduce(pooling.tokens(Ragged(torch.randn(2, 8), (1, 1))))
    assert torch.isfinite(out).all()
    assert not torch.equal(out[0], out[1])


def test_latent_pooling_hands_on_as_many_tokens_as_it_has_queries() -> None:
    pooling = LatentPooling(8, 2, 0.0, queries=3)
    assert pooling.tokens(Ragged(torch.randn(50, 8), (0, 49, 1))).counts == (0, 3, 3)


@pytest.mark.parametrize("name", POOLINGS)
def test_half_precision_pools_a_large_bag_as_float32_does(name) -> None:
    torch.manual_seed(0)
    pooling = POOLINGS[name](16, 2, 0.0).eval()
    bags = Ragged(torch.randn(5040, 16) + 1, (40, 5000))
    with torch.no_grad():
        exact = pooling.reduce(pooling.tokens(bags))
        with torch.autocast("cpu", torch.bfloat16):
            half = Ragged(bags.tokens.bfloat16(), bags.counts)
            rounded = pooling.reduce(pooling.tokens(half)).float()
    assert (rounded - exact).abs().max() < 0.03 * exact.abs().max()

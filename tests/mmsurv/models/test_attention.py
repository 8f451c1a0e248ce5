from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn import functional

from mmsurv.batch import Ragged
from mmsurv.models import attention
from mmsurv.models.attention import (
    AttentionBlock,
    GatedAttentionPool,
    attention_weights,
    ragged_attention,
    ragged_mean,
    ragged_softmax,
    ragged_sum,
)

COUNTS = st.lists(st.integers(0, 6), min_size=1, max_size=5)


def _ragged(counts: list[int], width: int, seed: int) -> Ragged:
    random = torch.Generator().manual_seed(seed)
    return Ragged(torch.randn(sum(counts), width, generator=random), tuple(counts))


@given(COUNTS, st.integers(0, 10_000))
def test_padded_and_looped_attention_equal_a_plain_softmax(counts: list[int], seed: int) -> None:
    keys = [(n * 7 + seed) % 5 for n in counts]
    q, k, v = _ragged(counts, 8, seed), _ragged(keys, 8, seed + 1), _ragged(keys, 8, seed + 2)
    expected = []
    for qs, ks, vs in zip(
        q.tokens.split(q.counts), k.tokens.split(k.counts), v.tokens.split(v.counts), strict=True
    ):
        heads = []
        for h in range(2):
            cut = slice(4 * h, 4 * h + 4)
            weights = (qs[:, cut] @ ks[:, cut].T / 2.0).softmax(-1)
            heads.append(weights @ vs[:, cut])
        expected.append(torch.cat(heads, 1))
    got = ragged_attention(q, k, v.tokens, heads=2)
    torch.testing.assert_close(got, torch.cat(expected), atol=1e-5, rtol=1e-5)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(attention, "PADDED_SCORES_LIMIT", -1)
        looped = ragged_attention(q, k, v.tokens, heads=2)
    torch.testing.assert_close(looped, got, atol=1e-5, rtol=1e-5)


def test_attention_weights_are_those_that_attention_uses() -> None:
    q, k = _ragged([3], 8, 0), _ragged([4], 8, 1)
    (weights,) = attention_weights(q, k, heads=1)
    value = torch.randn(4, 8)
    torch.testing.assert_close(weights @ value, ragged_attention(q, k, value, heads=1))


def test_ragged_softmax_equals_softmax_of_each_patient_and_survives_large_scores() -> None:
    scores = torch.tensor([1000.0, 999.0, -1000.0, 3.0])
    got = ragged_softmax(scores, (2, 0, 2))
    expected = torch.cat([functional.softmax(s, 0) for s in scores.split([2, 2])])
    torch.testing.assert_close(got, expected)


def test_ragged_mean_of_nobody_is_zero() -> None:
    assert ragged_mean(torch.zeros(0, 3), (0, 0)).tolist() == [[0.0] * 3] * 2


def test_gated_pool_weights_sum_to_one_and_are_traced() -> None:
    pool = GatedAttentionPool(8, 4)
    trace: dict = {}
    pooled = pool(_ragged([3, 0, 2], 8, 0), trace, "patch")
    assert pooled.shape == (3, 8)
    assert [len(w) for w in trace["patch"]] == [3, 0, 2]
    torch.testing.assert_close(trace["patch"][0].sum(), torch.tensor(1.0))
    assert torch.equal(pooled[1], torch.zeros(8))


def test_a_block_without_context_still_passes_its_tokens_on() -> None:
    block = AttentionBlock(8, 2, 0.0).eval()
    x = _ragged([2, 3], 8, 0)
    out = block(x, Ragged(torch.zeros(0, 8), (0, 0)))
    torch.testing.assert_close(out.tokens, x.tokens + block.feed_forward(x.tokens))


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_sums_over_large_bags_are_exact_in_half_precision(dtype) -> None:
    """In bfloat16 a sum of ones stops at 256; in float16, 70,000 is infinite."""
    counts = (300, 0, 70_000)
    ones = torch.ones(sum(counts), 2, dtype=dtype)
    assert ragged_sum(ones, counts)[:, 0].tolist() == [300, 0, 70_000]
    assert ragged_mean(ones, counts)[:, 0].tolist() == [1, 0, 1]
    assert ragged_mean(4 * ones, counts)[2, 0] == 4
    sums = ragged_sum(ragged_softmax(ones[:, 0], counts)[:, None], counts)[:, 0]
    torch.testing.assert_close(sums, torch.tensor([1.0, 0.0, 1.0]), rtol=1e-3, atol=0)

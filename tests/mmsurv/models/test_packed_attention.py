from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from mmsurv.batch import Ragged
from mmsurv.models import attention, packed_attention
from mmsurv.models.attention import looped_attention, ragged_attention

COUNTS = st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), min_size=1, max_size=5)
needs_cuda = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")


def reference(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    cu_seq_q: Tensor,
    cu_seq_k: Tensor,
    max_q: int,
    max_k: int,
    *,
    scale: float,
) -> Tensor:
    """What the packed kernel computes, set by set, and what it demands of its arguments."""
    assert query.shape[1:] == key.shape[1:] == value.shape[1:]
    assert query.shape[2] % 8 == 0
    assert cu_seq_q.dtype == cu_seq_k.dtype == torch.int32
    starts_q, starts_k = cu_seq_q.tolist(), cu_seq_k.tolist()
    lengths = list(zip(cu_seq_q.diff().tolist(), cu_seq_k.diff().tolist(), strict=True))
    assert starts_q[-1] == len(query)
    assert starts_k[-1] == len(key) == len(value)
    assert (max_q, max_k) == (max(q for q, _ in lengths), max(k for _, k in lengths))
    assert all(q > 0 and k > 0 for q, k in lengths)
    rows = []
    for (n, m), a, c in zip(lengths, starts_q[:-1], starts_k[:-1], strict=True):
        scores = torch.einsum("qhd,khd->hqk", query[a : a + n], key[c : c + m]) * scale
        rows.append(torch.einsum("hqk,khd->qhd", scores.softmax(-1), value[c : c + m]))
    return torch.cat(rows)


def _sets(
    counts: list[tuple[int, int]], width: int, seed: int = 0
) -> tuple[Ragged, Ragged, Tensor]:
    random = torch.Generator().manual_seed(seed)
    queries, keys = (tuple(column) for column in zip(*counts, strict=True))
    q, k, v = (
        torch.randn(sum(n), width, generator=random, requires_grad=True)
        for n in (queries, keys, keys)
    )
    return Ragged(q, queries), Ragged(k, keys), v


@given(COUNTS, st.sampled_from([(8, 2), (16, 2), (6, 3)]), st.integers(0, 99))
def test_packed_attention_is_that_of_every_patient_alone(counts, shape, seed) -> None:
    width, heads = shape
    q, k, v = _sets(counts, width, seed)
    got = packed_attention.packed_attention(q, k, v, heads=heads, kernel=reference)
    expected = looped_attention(q, k, v, heads=heads)
    torch.testing.assert_close(got, expected, atol=1e-5, rtol=1e-5)
    leaves = (q.tokens, k.tokens, v)
    if got.requires_grad:
        one = torch.autograd.grad(got.square().sum(), leaves, allow_unused=True)
        other = torch.autograd.grad(expected.square().sum(), leaves, allow_unused=True)
        for a, b, leaf in zip(one, other, leaves, strict=True):
            a, b = (torch.zeros_like(leaf) if g is None else g for g in (a, b))
            torch.testing.assert_close(a, b, atol=1e-5, rtol=1e-4)


def test_a_device_with_the_kernel_gets_one_launch_for_the_whole_batch(monkeypatch) -> None:
    launches: list[int] = []

    def counted(*given: Tensor, **named: float) -> Tensor:
        launches.append(len(given[0]))
        return reference(*given, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(attention, "kernel_for", lambda tokens, heads: "varlen")
    monkeypatch.setattr("torch.nn.attention.varlen.varlen_attn", counted)
    q, k, v = _sets([(3, 4), (2, 0), (5, 1)], 8)
    got = ragged_attention(q, k, v, heads=2)
    assert launches == [8]
    assert got[3:5].abs().sum() == 0
    torch.testing.assert_close(got, looped_attention(q, k, v, heads=2), atol=1e-5, rtol=1e-5)


def test_a_cpu_never_takes_the_packed_kernel() -> None:
    for dtype in (torch.float32, torch.bfloat16, torch.float16):
        assert packed_attention.kernel_for(torch.zeros(1, 8, dtype=dtype), 2) == "per_bag"


def test_heads_that_are_too_wide_for_the_packed_kernel_do_without() -> None:
    half, widest = torch.bfloat16, packed_attention.WIDEST_HEAD
    assert packed_attention.attention_kernel("cuda", half, head_width=widest) == "varlen"
    assert packed_attention.attention_kernel("cuda", half, head_width=widest + 1) == "per_bag"


@needs_cuda
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_flash_attention_agrees_with_float32_within_half_precision(dtype) -> None:
    q, k, v = _sets([(300, 400), (0, 5), (70, 0), (1, 900)], 64)
    expected = looped_attention(q, k, v, heads=4)
    expected.sum().backward()
    gradients = [x.grad.clone() for x in (q.tokens, k.tokens, v)]
    on_gpu = [x.detach().to("cuda", dtype).requires_grad_() for x in (q.tokens, k.tokens, v)]
    query, key = Ragged(on_gpu[0], q.counts), Ragged(on_gpu[1], k.counts)
    assert packed_attention.kernel_for(on_gpu[0], 4) == "varlen"
    got = ragged_attention(query, key, on_gpu[2], heads=4)
    torch.testing.assert_close(got.float().cpu(), expected, atol=2e-2, rtol=2e-2)
    got.sum().backward()
    for x, gradient in zip(on_gpu, gradients, strict=True):
        torch.testing.assert_close(x.grad.float().cpu(), gradient, atol=5e-2, rtol=5e-2)


@needs_cuda
def test_float32_on_a_gpu_agrees_with_a_cpu() -> None:
    q, k, v = _sets([(300, 400), (0, 5), (70, 0), (1, 900)], 64)
    expected = looped_attention(q, k, v, heads=4)
    query, key = Ragged(q.tokens.cuda(), q.counts), Ragged(k.tokens.cuda(), k.counts)
    got = ragged_attention(query, key, v.cuda(), heads=4)
    torch.testing.assert_close(got.cpu(), expected, atol=1e-5, rtol=1e-5)

"""Attention over ragged token sets in one launch, for devices that have a kernel for it.

Sets lie end to end, as in a batch, and the kernel is told where each begins: nothing is padded, and
no launch waits for another. Flash attention reads so on CUDA devices, in half precision alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, Protocol, cast

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional

from mmsurv.batch import Ragged

# per_bag: fused attention patient by patient, or padded where sets are small; varlen: one launch.
AttentionKernel = Literal["per_bag", "varlen"]

# Flash attention needs this generation of devices (Ampere), and heads no wider than this.
CAPABILITY = (8, 0)
WIDEST_HEAD = 256
# Of the width of a head it wants multiples.
HEAD_STEP = 8


class VarlenKernel(Protocol):
    """What `torch.nn.attention.varlen.varlen_attn` is called with.

    Queries, keys and values are (tokens, heads, width of a head); a set's tokens begin at its
    offset and end before the next.
    """

    def __call__(
        self,
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
        """Attention of each set's queries over its keys, shaped as the queries."""


def attention_kernel(
    device: str,
    dtype: torch.dtype,
    *,
    head_width: int,
    capability: tuple[int, int] = CAPABILITY,
) -> AttentionKernel:
    """How attention over ragged sets is computed.

    In float32 there is no packed kernel: patient by patient, the fused kernels of CUDA agree with
    those of a CPU to 1e-5, and keep the memory of the longest patient alone.

    Args:
        device: Type, such as "cuda".
        dtype: Of queries, keys and values.
        head_width: Numbers that a head reads of a token.
        capability: Generation of the CUDA device.

    Example:
        >>> attention_kernel("cpu", torch.bfloat16, head_width=16)
        'per_bag'
        >>> attention_kernel("cuda", torch.float32, head_width=16)
        'per_bag'
        >>> attention_kernel("cuda", torch.bfloat16, head_width=16)
        'varlen'
        >>> attention_kernel("cuda", torch.bfloat16, head_width=512)
        'per_bag'
        >>> attention_kernel("cuda", torch.float16, head_width=16, capability=(7, 5))
        'per_bag'
    """
    half = dtype in (torch.float16, torch.bfloat16)
    able = device == "cuda" and half and capability >= CAPABILITY
    return "varlen" if able and head_width <= WIDEST_HEAD else "per_bag"


def kernel_for(tokens: Tensor, heads: int) -> AttentionKernel:
    """`attention_kernel` of these tokens, where they lie."""
    device = tokens.device
    if device.type != "cuda":
        return "per_bag"
    return attention_kernel(
        device.type,
        tokens.dtype,
        head_width=tokens.shape[-1] // heads,
        capability=torch.cuda.get_device_capability(device),
    )


def offsets(counts: Sequence[int], device: torch.device) -> Int[Tensor, " B1"]:
    """Where each set begins, and behind them where the last one ends.

    Example:
        >>> offsets((2, 0, 3), torch.device("cpu")).tolist()
        [0, 2, 2, 5]
    """
    ends = torch.tensor((0, *counts)).cumsum(0)
    return ends.to(torch.int32).to(device)


def packed_attention(
    query: Ragged,
    key: Ragged,
    value: Float[Tensor, "K d"],
    *,
    heads: int,
    kernel: VarlenKernel | None = None,
) -> Float[Tensor, "Q d"]:
    """`ragged_attention` as one launch over sets that lie end to end.

    Patients without queries or keys are not handed to the kernel: what it would do with an empty
    set is nowhere promised.

    Args:
        query: Projected queries, Q tokens of B patients.
        key: Projected keys, K tokens of the same B patients.
        value: Projected values, aligned with the keys.
        heads: Attention heads; must divide d.
        kernel: Flash attention where None.

    Returns:
        One row a query; zeros where the patient has no key.

    Source: Dao, FlashAttention-2, 2023, doi:10.48550/arXiv.2307.08691.
    """
    both = [q > 0 and k > 0 for q, k in zip(query.counts, key.counts, strict=True)]
    if not any(both):
        return torch.zeros_like(query.tokens)
    if not all(both):
        rows, columns = _tokens_of(query, both), _tokens_of(key, both)
        read = packed_attention(
            Ragged(query.tokens[rows], _only(query.counts, both)),
            Ragged(key.tokens[columns], _only(key.counts, both)),
            value[columns],
            heads=heads,
            kernel=kernel,
        )
        return torch.zeros_like(read[:1]).repeat(len(query.tokens), 1).index_copy(0, rows, read)
    device, width = query.tokens.device, query.tokens.shape[1] // heads
    missing = -width % HEAD_STEP
    q, k, v = (
        functional.pad(x.unflatten(1, (heads, width)), (0, missing))
        for x in (query.tokens, key.tokens, value)
    )
    out = (kernel or _flash_attention())(
        q,
        k,
        v,
        offsets(query.counts, device),
        offsets(key.counts, device),
        max(query.counts),
        max(key.counts),
        scale=width**-0.5,
    )
    return out[..., :width].flatten(1)


def _flash_attention() -> VarlenKernel:
    # Imported here: it takes seconds, and only a GPU needs it.
    from torch.nn.attention.varlen import varlen_attn

    return cast(VarlenKernel, varlen_attn)


def _only(counts: tuple[int, ...], wanted: Sequence[bool]) -> tuple[int, ...]:
    return tuple(n for n, want in zip(counts, wanted, strict=True) if want)


def _tokens_of(x: Ragged, wanted: Sequence[bool]) -> Int[Tensor, " T"]:
    """Positions of the tokens of some patients; made on the CPU, so that no GPU is waited for."""
    kept = torch.repeat_interleave(torch.tensor(list(wanted)), torch.tensor(x.counts))
    return kept.nonzero()[:, 0].to(x.tokens.device)

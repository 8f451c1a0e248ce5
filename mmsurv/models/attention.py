"""Attention over ragged token sets: scaled dot-product, and gated attention pooling.

A patient without tokens neither gives nor takes attention: queries over an empty set read zeros,
and an empty set pools to zeros. No softmax ever runs over the patients of a batch.
"""

from __future__ import annotations

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.rnn import pad_sequence

from mmsurv.batch import Ragged
from mmsurv.models.dropout import Dropout
from mmsurv.models.lean import FeedForward, lean_linear, normed
from mmsurv.models.packed_attention import kernel_for, packed_attention

Trace = dict[str, list[Tensor]]
"""Attention weights by name, one tensor a patient; a module fills it when it is handed one."""

# Above this many padded score entries a loop over patients is faster and needs less memory than one
# padded and masked kernel; below it, the loop's overhead dominates. Measured on a CPU by
# experiments/benchmarks/attention.py: the ways are level at about 50 thousand entries.
PADDED_SCORES_LIMIT = 50_000
# On other devices launching many kernels costs more; this one bounds memory and is not measured.
PADDED_SCORES_LIMIT_GPU = 4_000_000


def patient_index(counts: tuple[int, ...], device: torch.device) -> Int[Tensor, " T"]:
    """For every token of a ragged set, the position of its patient in the batch.

    Example:
        >>> patient_index((2, 0, 1), torch.device("cpu")).tolist()
        [0, 0, 2]
    """
    return torch.repeat_interleave(torch.tensor(counts, dtype=torch.int64)).to(device)


def ragged_attention(
    query: Ragged, key: Ragged, value: Float[Tensor, "K d"], *, heads: int
) -> Float[Tensor, "Q d"]:
    r"""Scaled dot-product attention of each patient's queries over that patient's keys.

    .. math:: y_q = \sum_k \mathrm{softmax}_k (q \cdot k / \sqrt{d_h}) \, v_k

    Args:
        query: Projected queries, Q tokens of B patients.
        key: Projected keys, K tokens of the same B patients.
        value: Projected values, aligned with the keys.
        heads: Attention heads; must divide d.

    Returns:
        One row a query; zeros where the patient has no key.

    Source: Vaswani et al., Attention Is All You Need, 2017, doi:10.48550/arXiv.1706.03762.

    Example:
        >>> q = Ragged(torch.zeros(3, 4), (1, 2)); k = Ragged(torch.zeros(2, 4), (2, 0))
        >>> ragged_attention(q, k, torch.tensor([[1.0] * 4, [3.0] * 4]), heads=1)[:, 0].tolist()
        [2.0, 0.0, 0.0]
    """
    most_queries, most_keys = max(query.counts), max(key.counts)
    if most_queries == 0 or most_keys == 0:
        return torch.zeros_like(query.tokens)
    if kernel_for(query.tokens, heads) == "varlen":
        return packed_attention(query, key, value, heads=heads)
    on_cpu = query.tokens.device.type == "cpu"
    limit = PADDED_SCORES_LIMIT if on_cpu else PADDED_SCORES_LIMIT_GPU
    if len(query.counts) * most_queries * most_keys <= limit:
        return padded_attention(query, key, value, heads=heads)
    return looped_attention(query, key, value, heads=heads)


def _split_heads(x: Float[Tensor, "*B N d"], heads: int) -> Float[Tensor, "*B h N dh"]:
    split: Tensor = x.unflatten(-1, (heads, -1))
    return split.transpose(-3, -2)


def _pad(tokens: Tensor, counts: tuple[int, ...]) -> Tensor:
    if min(counts) == max(counts):
        return tokens.view(len(counts), counts[0], -1)
    return pad_sequence(list(tokens.split(counts)), batch_first=True)


def _real(counts: tuple[int, ...], device: torch.device) -> Tensor:
    """Mask (B, max count) of a padded set, True = a real token."""
    lengths = torch.tensor(counts)
    return (torch.arange(max(counts)) < lengths[:, None]).to(device)


def padded_attention(
    query: Ragged, key: Ragged, value: Float[Tensor, "K d"], *, heads: int
) -> Float[Tensor, "Q d"]:
    """`ragged_attention` as one kernel over sets padded to the longest; some patient has a key."""
    device = query.tokens.device
    q, k, v = (
        _split_heads(_pad(tokens, counts), heads)
        for tokens, counts in (
            (query.tokens, query.counts),
            (key.tokens, key.counts),
            (value, key.counts),
        )
    )
    equal_keys = min(key.counts) == max(key.counts)
    # A patient without keys has a fully masked row, for which the kernel returns zeros.
    mask = None if equal_keys else _real(key.counts, device)[:, None, None, :]
    out = functional.scaled_dot_product_attention(q, k, v, attn_mask=mask)
    out = out.transpose(1, 2).flatten(2)
    if min(query.counts) == max(query.counts):
        return out.flatten(0, 1)
    return out[_real(query.counts, device)]


def looped_attention(
    query: Ragged, key: Ragged, value: Float[Tensor, "K d"], *, heads: int
) -> Float[Tensor, "Q d"]:
    """`ragged_attention` patient by patient: nothing is padded."""
    rows = []
    for q, k, v in zip(
        query.tokens.split(query.counts),
        key.tokens.split(key.counts),
        value.split(key.counts),
        strict=True,
    ):
        if len(q) == 0 or len(k) == 0:
            rows.append(torch.zeros_like(q))
            continue
        qh, kh, vh = (_split_heads(x[None], heads) for x in (q, k, v))
        out = functional.scaled_dot_product_attention(qh, kh, vh)
        rows.append(out.transpose(1, 2).flatten(2)[0])
    return torch.cat(rows)


def attention_weights(query: Ragged, key: Ragged, *, heads: int) -> list[Float[Tensor, "q k"]]:
    """The weights that `ragged_attention` uses, averaged over heads: for explanations only.

    Returns:
        One matrix a patient, rows sum to 1 (a patient without keys: width 0).

    Example:
        >>> q = Ragged(torch.zeros(1, 4), (1,)); k = Ragged(torch.zeros(2, 4), (2,))
        >>> attention_weights(q, k, heads=2)[0].tolist()
        [[0.5, 0.5]]
    """
    maps = []
    for q, k in zip(query.tokens.split(query.counts), key.tokens.split(key.counts), strict=True):
        qh, kh = _split_heads(q, heads), _split_heads(k, heads)
        scores = qh @ kh.transpose(-1, -2) / qh.shape[-1] ** 0.5
        maps.append(scores.softmax(-1).mean(0))
    return maps


def _exact(x: Tensor) -> Tensor:
    """At least float32: a sum of thousands in bfloat16 stops at 256, and float16 ends at 65504."""
    return x.to(torch.promote_types(x.dtype, torch.float32))


def ragged_softmax(scores: Float[Tensor, " T"], counts: tuple[int, ...]) -> Float[Tensor, " T"]:
    """Softmax within each patient's tokens; of scores in half precision, in float32.

    Example:
        >>> ragged_softmax(torch.zeros(3), (1, 2)).tolist()
        [1.0, 0.5, 0.5]
    """
    scores = _exact(scores)
    index = patient_index(counts, scores.device)
    highest = scores.new_full((len(counts),), -torch.inf)
    highest = highest.scatter_reduce(0, index, scores.detach(), "amax")
    weight = torch.exp(scores - highest[index])
    total = weight.new_zeros(len(counts)).index_add(0, index, weight)
    return weight / total[index]


def ragged_sum(x: Float[Tensor, "T d"], counts: tuple[int, ...]) -> Float[Tensor, "B d"]:
    """Sum of each patient's tokens; zeros for a patient without any. Half precision: in float32.

    Example:
        >>> ragged_sum(torch.ones(3, 1), (1, 0, 2)).tolist()
        [[1.0], [0.0], [2.0]]
    """
    x = _exact(x)
    total = x.new_zeros(len(counts), x.shape[1])
    return total.index_add(0, patient_index(counts, x.device), x)


def ragged_mean(x: Float[Tensor, "T d"], counts: tuple[int, ...]) -> Float[Tensor, "B d"]:
    """Mean of each patient's tokens; zeros for a patient without any. Half precision: in float32.

    Example:
        >>> ragged_mean(torch.ones(3, 1), (1, 0, 2)).tolist()
        [[1.0], [0.0], [1.0]]
    """
    total = ragged_sum(x, counts)
    lengths = torch.tensor(counts, dtype=total.dtype).clamp(min=1).to(x.device)
    return total / lengths[:, None]


def _gated(value: Float[Tensor, "T h"], gate: Float[Tensor, "T h"]) -> Float[Tensor, "T h"]:
    return torch.tanh(value) * torch.sigmoid(gate)


class GatedAttentionPool(nn.Module):
    r"""Gated attention pooling: one vector a patient, a learned weighted mean of its tokens.

    .. math:: a_n = \mathrm{softmax}_n \, w^\top (\tanh(V x_n) \odot \sigma(U x_n)), \quad
              z = \sum_n a_n x_n

    Source: Ilse, Tomczak, Welling, Attention-based Deep Multiple Instance Learning, 2018,
    doi:10.48550/arXiv.1802.04712.

    Args:
        width: d of the tokens.
        hidden: Width of V and U.
    """

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.value = nn.Linear(width, hidden)
        self.gate = nn.Linear(width, hidden)
        self.score = nn.Linear(hidden, 1, bias=False)

    def forward(
        self, x: Ragged, trace: Trace | None = None, name: str = "pool"
    ) -> Float[Tensor, "B d"]:
        """Pools each patient's tokens; zeros for a patient without any."""
        value, gate = normed(x.tokens, self.norm, self.value, self.gate)
        (scores,) = lean_linear(_gated, (value, gate), (self.score.weight, None))
        weight = ragged_softmax(scores[:, 0], x.counts)
        if trace is not None:
            trace[name] = list(weight.split(x.counts))
        return ragged_sum(weight[:, None] * x.tokens, x.counts)


class AttentionBlock(nn.Module):
    r"""Attention with a residual, then a feed-forward layer with a residual (pre-norm).

    .. math:: x' = x + W_o \, \mathrm{attend}(x, c, c), \quad x'' = x' + \mathrm{MLP}(x')

    Queries come from x, keys and values from the context c; self-attention is c = x. A patient with
    an empty context keeps x' = x.

    Args:
        width: d of tokens and context.
        heads: Attention heads; must divide width.
        dropout: Dropout on both residual branches.
    """

    def __init__(self, width: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.heads = heads
        self.norm_query = nn.LayerNorm(width)
        self.norm_context = nn.LayerNorm(width)
        self.query = nn.Linear(width, width)
        self.key = nn.Linear(width, width)
        self.value = nn.Linear(width, width)
        # No bias: an empty context must leave the tokens as they were.
        self.out = nn.Linear(width, width, bias=False)
        self.dropout = Dropout(dropout)
        self.feed_forward = FeedForward(width, dropout)

    def forward(
        self, x: Ragged, context: Ragged, trace: Trace | None = None, name: str = "attention"
    ) -> Ragged:
        """Tokens of the same counts as x; fills `trace[name]` with one (q, k) matrix a patient."""
        (asked,) = normed(x.tokens, self.norm_query, self.query)
        keys, value = normed(context.tokens, self.norm_context, self.key, self.value)
        query, key = Ragged(asked, x.counts), Ragged(keys, context.counts)
        if trace is not None:
            trace[name] = attention_weights(query, key, heads=self.heads)
        read = ragged_attention(query, key, value, heads=self.heads)
        tokens = x.tokens + self.dropout(self.out(read))
        return Ragged(tokens + self.feed_forward(tokens), x.counts)

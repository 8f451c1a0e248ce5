"""Pooling of patches: what the fusion sees of an image, and how tokens become one vector.

`tokens` hands the fusion a token set, `reduce` turns a token set into one vector a patient. The
fusion sits between the two, so that cross-attention works on tokens and never on pooled vectors.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn

from mmsurv.batch import Ragged
from mmsurv.models.attention import (
    AttentionBlock,
    GatedAttentionPool,
    Trace,
    ragged_mean,
)
from mmsurv.names import PoolingName


class MeanPooling(nn.Module):
    """Patch tokens as they are; their mean as the vector.

    Args:
        width: d of the tokens.
        heads: Unused; every pooling is built by the same call.
        dropout: Unused.
    """

    def __init__(self, width: int, heads: int, dropout: float) -> None:
        super().__init__()

    def tokens(self, x: Ragged, trace: Trace | None = None) -> Ragged:
        """The tokens themselves."""
        return x

    def reduce(self, x: Ragged, trace: Trace | None = None) -> Float[Tensor, "B d"]:
        """The mean token; zeros where there is none."""
        if trace is not None:
            trace["patch"] = [torch.full((n,), 1 / n) if n else torch.zeros(0) for n in x.counts]
        return ragged_mean(x.tokens, x.counts)


class AttentionPooling(nn.Module):
    """Patch tokens as they are; gated attention (ABMIL) as the vector.

    Args:
        width: d of the tokens.
        heads: Unused.
        dropout: Unused.
    """

    def __init__(self, width: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.pool = GatedAttentionPool(width, hidden=max(width // 2, 1))

    def tokens(self, x: Ragged, trace: Trace | None = None) -> Ragged:
        """The tokens themselves."""
        return x

    def reduce(self, x: Ragged, trace: Trace | None = None) -> Float[Tensor, "B d"]:
        """Gated attention pooling; zeros where there is no token."""
        pooled: Tensor = self.pool(x, trace, "patch")
        return pooled


class SelfAttentionPooling(AttentionPooling):
    r"""The paper's pooling: patches attend to patches, then gated attention gives the vector.

    .. math:: y_i = \sum_j \mathrm{softmax}_j(s(Q_i, K_j)) V_j

    Quadratic in the number of patches of one patient. The paper does not say how the attended
    patches become one vector; attention pooling over them is this project's choice.

    Args:
        width: d of the tokens.
        heads: Attention heads.
        dropout: Dropout on the residual branches.
    """

    def __init__(self, width: int, heads: int, dropout: float) -> None:
        super().__init__(width, heads, dropout)
        self.attend = AttentionBlock(width, heads, dropout)

    def tokens(self, x: Ragged, trace: Trace | None = None) -> Ragged:
        """Each patch after it has read all patches of its patient."""
        attended: Ragged = self.attend(x, x, trace, "patch_to_patch")
        return attended


class LatentPooling(AttentionPooling):
    """A few learned queries read all patches: linear in patches, and the fusion sees L tokens.

    Source: Jaegle et al., Perceiver, 2021, doi:10.48550/arXiv.2103.03206.

    Args:
        width: d of the tokens.
        heads: Attention heads.
        dropout: Dropout on the residual branches.
        queries: L, number of learned queries.
    """

    def __init__(self, width: int, heads: int, dropout: float, queries: int = 8) -> None:
        super().__init__(width, heads, dropout)
        self.queries = nn.Parameter(torch.randn(queries, width) * 0.5)
        self.read = AttentionBlock(width, heads, dropout)

    def tokens(self, x: Ragged, trace: Trace | None = None) -> Ragged:
        """L tokens for a patient with patches, none for a patient without."""
        present = [n > 0 for n in x.counts]
        length = len(self.queries)
        counts = tuple(length if p else 0 for p in present)
        latent = Ragged(self.queries.repeat(sum(present), 1), counts)
        read: Ragged = self.read(latent, x, trace, "latent_to_patch")
        return read


Pooling = MeanPooling | AttentionPooling

POOLINGS: dict[PoolingName, type[Pooling]] = {
    "self_attention": SelfAttentionPooling,
    "abmil": AttentionPooling,
    "mean": MeanPooling,
    "latent": LatentPooling,
}

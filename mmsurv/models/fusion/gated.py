"""Gated multimodal unit: a learned gate mixes the two pooled vectors, feature by feature."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn

from mmsurv.batch import Ragged
from mmsurv.models.attention import Trace
from mmsurv.models.fusion.base import Fusion, Reduce


class Gated(Fusion):
    r"""Mixes the pooled vectors v and u of image and genes by a gate that sees both.

    .. math:: h_v = \tanh(W_v v), \; h_u = \tanh(W_u u), \;
              s = \sigma(W_s [v \Vert u]), \quad z = s \odot h_v + (1 - s) \odot h_u

    Source: Arevalo et al., Gated Multimodal Units, 2017, doi:10.48550/arXiv.1702.01992.
    """

    def __init__(self, width: int, heads: int, dropout: float) -> None:
        super().__init__(width, heads, dropout)
        self.image = nn.Linear(width, width)
        self.genes = nn.Linear(width, width)
        self.gate = nn.Linear(2 * width, width)
        self.out_width = width

    def forward(
        self, image: Ragged, genes: Ragged, reduce: Reduce, trace: Trace | None = None
    ) -> Float[Tensor, "B out"]:
        """(B, d)."""
        v, u = reduce.image(image, trace), reduce.genes(genes, trace)
        gate = torch.sigmoid(self.gate(torch.cat([v, u], dim=1)))
        return gate * torch.tanh(self.image(v)) + (1 - gate) * torch.tanh(self.genes(u))

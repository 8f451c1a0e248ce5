"""Concatenation of the two pooled vectors: the plain baseline."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from mmsurv.batch import Ragged
from mmsurv.models.attention import Trace
from mmsurv.models.fusion.base import Fusion, Reduce


class Concat(Fusion):
    r"""Each modality is pooled on its own; the vectors stand side by side.

    .. math:: z = [\mathrm{pool}(i) \,\Vert\, \mathrm{pool}(g)]
    """

    def __init__(self, width: int, heads: int, dropout: float) -> None:
        super().__init__(width, heads, dropout)
        self.out_width = 2 * width

    def forward(
        self, image: Ragged, genes: Ragged, reduce: Reduce, trace: Trace | None = None
    ) -> Float[Tensor, "B out"]:
        """(B, 2d)."""
        return torch.cat([reduce.image(image, trace), reduce.genes(genes, trace)], dim=1)

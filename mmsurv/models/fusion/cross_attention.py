"""Cross-attention between patch tokens and gene tokens: both ways (the paper's), or one way."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from mmsurv.batch import Ragged
from mmsurv.models.attention import AttentionBlock, Trace
from mmsurv.models.fusion.base import Fusion, Reduce


class ImageToGene(Fusion):
    r"""Patches read genes; genes are pooled as they are.

    .. math:: y^I_k = \sum_j \mathrm{softmax}_j(s(i_k, g_j)) \, g_j, \quad
              z = [\mathrm{pool}(i + y^I) \,\Vert\, \mathrm{pool}(g)]
    """

    def __init__(self, width: int, heads: int, dropout: float) -> None:
        super().__init__(width, heads, dropout)
        self.image_reads_genes = AttentionBlock(width, heads, dropout)
        self.out_width = 2 * width

    def forward(
        self, image: Ragged, genes: Ragged, reduce: Reduce, trace: Trace | None = None
    ) -> Float[Tensor, "B out"]:
        """(B, 2d)."""
        informed = self.image_reads_genes(image, genes, trace, "image_to_gene")
        return torch.cat([reduce.image(informed, trace), reduce.genes(genes, trace)], dim=1)


class GeneToImage(Fusion):
    r"""Genes read patches; patches are pooled as they are.

    .. math:: y^G_k = \sum_n \mathrm{softmax}_n(s(g_k, i_n)) \, i_n, \quad
              z = [\mathrm{pool}(i) \,\Vert\, \mathrm{pool}(g + y^G)]
    """

    def __init__(self, width: int, heads: int, dropout: float) -> None:
        super().__init__(width, heads, dropout)
        self.genes_read_image = AttentionBlock(width, heads, dropout)
        self.out_width = 2 * width

    def forward(
        self, image: Ragged, genes: Ragged, reduce: Reduce, trace: Trace | None = None
    ) -> Float[Tensor, "B out"]:
        """(B, 2d)."""
        informed = self.genes_read_image(genes, image, trace, "gene_to_image")
        return torch.cat([reduce.image(image, trace), reduce.genes(informed, trace)], dim=1)


class DualCrossAttention(Fusion):
    r"""The paper's fusion: patches read genes and genes read patches, token by token.

    .. math:: y^I_k = \sum_j \mathrm{softmax}_j(s(i_k, g_j)) \, g_j, \quad
              y^G_j = \sum_k \mathrm{softmax}_k(s(g_j, i_k)) \, i_k

    .. math:: z = [\mathrm{pool}(i + y^I) \,\Vert\, \mathrm{pool}(g + y^G)]

    Both directions start from the same tokens, so neither has the last word. The residual and the
    feed-forward layer of `AttentionBlock` are this project's; the paper concatenates the bare y.

    Source: Mondol et al., MM-SurvNet, 2024, doi:10.48550/arXiv.2402.11788.
    """

    def __init__(self, width: int, heads: int, dropout: float) -> None:
        super().__init__(width, heads, dropout)
        self.image_reads_genes = AttentionBlock(width, heads, dropout)
        self.genes_read_image = AttentionBlock(width, heads, dropout)
        self.out_width = 2 * width

    def forward(
        self, image: Ragged, genes: Ragged, reduce: Reduce, trace: Trace | None = None
    ) -> Float[Tensor, "B out"]:
        """(B, 2d)."""
        informed_image = self.image_reads_genes(image, genes, trace, "image_to_gene")
        informed_genes = self.genes_read_image(genes, image, trace, "gene_to_image")
        return torch.cat(
            [reduce.image(informed_image, trace), reduce.genes(informed_genes, trace)], dim=1
        )

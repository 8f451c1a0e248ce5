"""SurvivalNet: encoders, pooling, fusion, head. A plain module that knows nothing of Lightning."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn

from mmsurv.batch import Batch, Ragged, Sizes
from mmsurv.models.attention import GatedAttentionPool, Trace
from mmsurv.models.encoders import GeneEncoder, GeneNet, PatchEncoder, ProgramEncoder
from mmsurv.models.fusion import FUSIONS, Reduce
from mmsurv.models.pooling import POOLINGS
from mmsurv.names import FusionName, PoolingName


class SurvivalNet(nn.Module):
    r"""A SurvivalNet is encoders, a pooling, a fusion and a head.

    .. math:: \log h = w_z^\top \mathrm{fuse}(\mathrm{pool}(i), g) + f(g) + w_g^\top g + w_c^\top c

    Image patches i and genes g become tokens, the fusion makes one vector of them, and the clinical
    variables c enter at the final layer. f, where asked for, is a `GeneNet`, and w_g, where asked
    for, a linear path from expression. There is no intercept: a Cox model has none to learn.
    With one of image and genes, that modality's pooled tokens stand in for the fusion, genes alone
    being left to f where there is one; with neither, this is a linear Cox model.

    Args:
        sizes: Widths of the modalities; at least one is positive.
        fusion: Name of the fusion of image and genes.
        pooling: Name of the pooling of patches.
        width: d of all tokens.
        heads: Attention heads; must divide width.
        dropout: Dropout in encoders, attention and before the head.
        head_start: Factor on the initial head weights w_z, and on those of f; small starts near the
            clinical model.
        gene_hidden: Hidden units of f; 0 leaves it out.
        gene_linear: Whether there is w_g; it starts at 0.
        gene_programs: Tokens of learned weightings of genes in place of one a gene; 0 leaves these.

    Raises:
        ValueError: No modality, or heads that do not divide the width.
    """

    def __init__(
        self,
        sizes: Sizes,
        *,
        fusion: FusionName = "dual_xattn",
        pooling: PoolingName = "self_attention",
        width: int = 64,
        heads: int = 4,
        dropout: float = 0.1,
        head_start: float = 0.3,
        gene_hidden: int = 0,
        gene_linear: bool = False,
        gene_programs: int = 0,
    ) -> None:
        super().__init__()
        if not any(sizes):
            raise ValueError(f"the model needs at least one modality, got {sizes}")
        if width % heads:
            raise ValueError(f"--model.heads={heads} does not divide --model.width={width}")
        self.sizes = sizes
        out_width = 0
        if sizes.patch_width:
            self.patch_encoder = PatchEncoder(sizes.patch_width, width, dropout)
            self.pooling = POOLINGS[pooling](width, heads, dropout)
            self.no_image = nn.Parameter(torch.zeros(width))
            out_width = width
        if sizes.genes and gene_hidden:
            self.gene_net = GeneNet(sizes.genes, gene_hidden, dropout, head_start)
        if sizes.genes and gene_linear:
            self.gene_linear = nn.Linear(sizes.genes, 1, bias=False)
            nn.init.zeros_(self.gene_linear.weight)
        self.tokens_of_genes = sizes.genes > 0 and (sizes.patch_width > 0 or gene_hidden == 0)
        if self.tokens_of_genes:
            self.gene_encoder = (
                ProgramEncoder(sizes.genes, gene_programs, width, dropout)
                if gene_programs
                else GeneEncoder(sizes.genes, width, dropout)
            )
            self.gene_pool = GatedAttentionPool(width, hidden=max(width // 2, 1))
            self.no_genes = nn.Parameter(torch.zeros(width))
            out_width = width
        if sizes.patch_width and sizes.genes:
            self.fusion = FUSIONS[fusion](width, heads, dropout)
            out_width = self.fusion.out_width
        if out_width:
            last = nn.Linear(out_width, 1, bias=False)
            with torch.no_grad():
                last.weight.mul_(head_start)
            self.head = nn.Sequential(nn.Dropout(dropout), last)
        if sizes.covariates:
            self.clinical = nn.Linear(sizes.covariates, 1, bias=False)

    def forward(self, batch: Batch, trace: Trace | None = None) -> Float[Tensor, " B"]:
        """Log hazard of each patient; relative, so only differences mean anything.

        Args:
            batch: B patients.
            trace: A dict to be filled with attention weights, one tensor a patient: `patch`,
                `gene`, `patch_to_patch`, `latent_to_patch`, `image_to_gene`, `gene_to_image`,
                whichever the model has. Where there are programs, they are its genes.
        """
        parts = []
        fused = self._fused(batch, trace) if hasattr(self, "head") else None
        # Half precision would round log hazards to three digits, and tie patients who are not.
        with torch.autocast(batch.covariates.device.type, enabled=False):
            if fused is not None:
                whole = torch.promote_types(fused.dtype, torch.float32)
                parts.append(self.head(fused.to(whole))[:, 0])
            if hasattr(self, "gene_net"):
                parts.append(self.gene_net(batch.expression, batch.gene_mask))
            if hasattr(self, "gene_linear"):
                expression = batch.expression.where(batch.gene_mask, 0.0)
                parts.append(self.gene_linear(expression)[:, 0])
            if hasattr(self, "clinical"):
                parts.append(self.clinical(batch.covariates)[:, 0])
        return torch.stack(parts).sum(0)

    def _fused(self, batch: Batch, trace: Trace | None) -> Float[Tensor, "B out"]:
        image, genes = None, None
        if self.sizes.patch_width:
            image = self.pooling.tokens(self.patch_encoder(batch.patches), trace)
        if self.tokens_of_genes:
            genes = self.gene_encoder(batch.expression, batch.gene_mask)
        if image is not None and genes is not None:
            reduce = Reduce(self._reduce_image, self._reduce_genes)
            fused: Tensor = self.fusion(image, genes, reduce, trace)
            return fused
        if image is not None:
            return self._reduce_image(image, trace)
        assert genes is not None
        return self._reduce_genes(genes, trace)

    def _reduce_image(self, tokens: Ragged, trace: Trace | None) -> Float[Tensor, "B d"]:
        return _or_absent(self.pooling.reduce(tokens, trace), tokens.counts, self.no_image)

    def _reduce_genes(self, tokens: Ragged, trace: Trace | None) -> Float[Tensor, "B d"]:
        return _or_absent(self.gene_pool(tokens, trace, "gene"), tokens.counts, self.no_genes)


def _or_absent(
    pooled: Float[Tensor, "B d"], counts: tuple[int, ...], absent: Float[Tensor, " d"]
) -> Float[Tensor, "B d"]:
    """Replaces the vector of a patient without tokens by the learned vector of absence."""
    if min(counts) > 0:
        return pooled
    empty = torch.tensor([n == 0 for n in counts], device=pooled.device)
    return torch.where(empty[:, None], absent, pooled)

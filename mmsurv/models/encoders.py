"""Encoders: each modality becomes tokens of one width."""

from __future__ import annotations

from functools import partial

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from mmsurv.batch import Ragged
from mmsurv.models.dropout import Dropout
from mmsurv.models.lean import layer_norm, lean_linear, made_again, standard_rows


def normed_linear(
    x: Float[Tensor, "T d"], norm: nn.LayerNorm, linear: nn.Linear
) -> Float[Tensor, "T out"]:
    r"""`linear(norm(x))`, whose gradient never goes back through a frozen x.

    .. math:: W (\gamma \odot \hat x + \beta) + b
              = (W \, \mathrm{diag}(\gamma)) \, \hat x + (W \beta + b)

    The normalised :math:`\hat x` has no weight in it: where x needs no gradient, as the embedding
    of a patch, nothing is sent back through the linear map and the norm; only weights are learned.

    Args:
        x: Rows.
        norm: With weight and bias.
        linear: With bias.

    Example:
        >>> norm, linear, x = nn.LayerNorm(4), nn.Linear(4, 2), torch.randn(3, 4)
        >>> torch.allclose(normed_linear(x, norm, linear), linear(norm(x)), atol=1e-6)
        True
    """
    # As sums and not as a product of matrices, which autocast would round to half precision.
    bias = linear.bias + (linear.weight * norm.bias).sum(1)
    normal = standard_rows if made_again(x) and not x.requires_grad else layer_norm
    (found,) = lean_linear(partial(normal, eps=norm.eps), (x,), (linear.weight * norm.weight, bias))
    return found


class Projection(nn.Sequential):
    """LayerNorm, linear map, GELU and dropout, the first two as `normed_linear`.

    Args:
        width_in: Of a row.
        width_out: Of what becomes of it.
        dropout: On the result.
    """

    def __init__(self, width_in: int, width_out: int, dropout: float) -> None:
        super().__init__(
            nn.LayerNorm(width_in), nn.Linear(width_in, width_out), nn.GELU(), Dropout(dropout)
        )

    def forward(self, x: Float[Tensor, "T d"]) -> Float[Tensor, "T out"]:
        """Row by row."""
        norm, linear, activation, dropout = self
        assert isinstance(norm, nn.LayerNorm)
        assert isinstance(linear, nn.Linear)
        projected: Tensor = dropout(activation(normed_linear(x, norm, linear)))
        return projected


class PatchEncoder(nn.Module):
    r"""One token a patch: a linear map of its frozen embedding, normalised.

    .. math:: i_n = \mathrm{dropout}(\mathrm{GELU}(W \, \mathrm{LN}(x_n) + b))

    Args:
        patch_width: Width of the patch features.
        width: d of the tokens.
        dropout: Dropout on the tokens.
    """

    def __init__(self, patch_width: int, width: int, dropout: float) -> None:
        super().__init__()
        self.project = Projection(patch_width, width, dropout)

    def forward(self, patches: Ragged) -> Ragged:
        """Tokens with the counts of the patches."""
        return Ragged(self.project(patches.tokens), patches.counts)


class GeneEncoder(nn.Module):
    r"""One token a gene: a learned gene embedding modulated by its standardised expression.

    .. math:: g_j = e_j + x_j \, u_j

    e_j says which gene it is, u_j the direction in which its expression moves the token. A gene
    that was not measured gives no token, which is not the same as a gene with average expression.

    Args:
        genes: G, number of genes.
        width: d of the tokens.
        dropout: Dropout on the tokens.
    """

    def __init__(self, genes: int, width: int, dropout: float) -> None:
        super().__init__()
        self.identity = nn.Parameter(torch.randn(genes, width) * 0.5)
        self.direction = nn.Parameter(torch.randn(genes, width) * 0.5)
        self.dropout = Dropout(dropout)

    def forward(self, expression: Float[Tensor, "B G"], gene_mask: Bool[Tensor, "B G"]) -> Ragged:
        """Tokens of the measured genes of each patient, in the order of the genes."""
        tokens = self.identity + expression[:, :, None] * self.direction
        counts = tuple(int(n) for n in gene_mask.sum(1).tolist())
        return Ragged(self.dropout(tokens[gene_mask]), counts)


class ProgramEncoder(nn.Module):
    r"""One token a gene program, a learned weighting of genes; fewer tokens than one a gene.

    .. math:: g_k = e_k + (a_k^\top x) \, u_k

    e_k says which program it is, u_k the direction in which its activity moves the token. Genes
    that were not measured stand at their mean, which is 0; a patient without any has no token.

    Args:
        genes: G, number of genes.
        programs: K.
        width: d of the tokens.
        dropout: Dropout on the tokens.
    """

    def __init__(self, genes: int, programs: int, width: int, dropout: float) -> None:
        super().__init__()
        self.mix = nn.Linear(genes, programs, bias=False)
        self.identity = nn.Parameter(torch.randn(programs, width) * 0.5)
        self.direction = nn.Parameter(torch.randn(programs, width) * 0.5)
        self.dropout = Dropout(dropout)

    def forward(self, expression: Float[Tensor, "B G"], gene_mask: Bool[Tensor, "B G"]) -> Ragged:
        """Tokens of the programs of each patient with a measured gene."""
        known = gene_mask.any(1)
        activity = self.mix(expression.where(gene_mask, 0.0)[known])
        tokens = self.identity + activity[:, :, None] * self.direction
        counts = tuple(len(self.identity) * int(some) for some in known.tolist())
        return Ragged(self.dropout(tokens.flatten(0, 1)), counts)


class GeneNet(nn.Module):
    r"""A small network from expression straight to a part of the log hazard.

    .. math:: f(x) = w^\top \mathrm{dropout}(\mathrm{GELU}(W \, \mathrm{dropout}(x) + b))

    Fifty standardised numbers need no attention to be added up: with few events, this is steadier
    than tokens. Genes that were not measured stand at their mean, which is 0; a patient without any
    has a learned constant.

    Args:
        genes: G, number of genes.
        hidden: Hidden units.
        dropout: Dropout on hidden units; half of it on the expression.
        start: Factor on the initial weights w.
    """

    def __init__(self, genes: int, hidden: int, dropout: float, start: float) -> None:
        super().__init__()
        last = nn.Linear(hidden, 1, bias=False)
        with torch.no_grad():
            last.weight.mul_(start)
        self.layers = nn.Sequential(
            Dropout(dropout / 2),
            nn.Linear(genes, hidden),
            nn.GELU(),
            Dropout(dropout),
            last,
        )
        self.absent = nn.Parameter(torch.zeros(()))

    @property
    def mix(self) -> nn.Linear:
        """The weightings of genes that its hidden units see."""
        mix = self.layers[1]
        assert isinstance(mix, nn.Linear)
        return mix

    def forward(
        self, expression: Float[Tensor, "B G"], gene_mask: Bool[Tensor, "B G"]
    ) -> Float[Tensor, " B"]:
        """The genes' part of each patient's log hazard."""
        part: Tensor = self.layers(expression.where(gene_mask, 0.0))[:, 0]
        return torch.where(gene_mask.any(1), part, self.absent)

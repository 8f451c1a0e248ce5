"""Programs of genes that rebuild expression best: where weightings of genes may start."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

# Of the largest variance: a direction with less is rounding, not expression.
LEAST_VARIANCE = 1e-8


def reconstruction_programs(
    expression: Float[Tensor, "n G"], programs: int
) -> Float[Tensor, "K G"]:
    r"""Weightings of genes from which a linear map rebuilds expression with the least error.

    .. math:: A = \arg\min_A \min_B \; \lVert X - X A^\top B \rVert^2

    A linear autoencoder is trained to this, and its optimum is known: A spans the leading principal
    components. They are scaled to a variance of 1 over the patients, and signed so that the largest
    weight is positive. No outcome is looked at.

    Args:
        expression: Standardised, of the training patients.
        programs: How many are wanted.

    Returns:
        The K programs of largest variance; fewer than wanted where expression has fewer dimensions.

    Source: Baldi and Hornik, Neural networks and principal component analysis, 1989,
    doi:10.1016/0893-6080(89)90014-2.

    Example:
        >>> x = torch.tensor([[-1.0, -2.0], [0.0, 0.0], [1.0, 2.0]])
        >>> reconstruction_programs(x, 5)
        tensor([[0.2000, 0.4000]])
    """
    centred = expression.double() - expression.double().mean(0)
    if len(centred) < 2:
        return expression.new_zeros(0, expression.shape[1])
    _, spread, directions = torch.linalg.svd(centred, full_matrices=False)
    deviation = spread / (len(centred) - 1) ** 0.5
    real = int((deviation.square() > LEAST_VARIANCE * deviation[:1].square()).sum())
    kept = slice(min(programs, real))
    weights = directions[kept] / deviation[kept, None]
    largest = weights.gather(1, weights.abs().argmax(1, keepdim=True))
    signed: Tensor = weights * largest.sign()
    return signed.to(expression.dtype)

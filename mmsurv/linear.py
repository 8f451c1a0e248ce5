"""Ridge Cox regression on a handful of covariates: where the clinical weights start."""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from mmsurv.losses import cox_neg_log_likelihood
from mmsurv.names import Ties


def fit_ridge_cox(
    *,
    covariates: Float[Tensor, "n C"],
    event: Bool[Tensor, " n"],
    time: Float[Tensor, " n"],
    penalty: float = 0.01,
    ties: Ties = "efron",
) -> Float[Tensor, " C"]:
    r"""Weights of the Cox model with a ridge penalty.

    .. math:: \hat w = \arg\min_w \; -\tfrac{1}{D} \ell(Xw) + \tfrac{\lambda}{2} \lVert w \rVert^2

    with the partial log-likelihood :math:`\ell` and D events; convex, so the answer does not depend
    on a seed.

    Args:
        covariates: Standardised covariates of the training patients.
        event: True = it happened.
        time: Positive times in any unit.
        penalty: lambda; on standardised covariates 0.01 keeps separable data finite.
        ties: Tie handling of the likelihood.

    Returns:
        float64 weights; zeros where no event is seen.

    Source: Verweij and van Houwelingen, Penalized likelihood in Cox regression, 1994,
    doi:10.1002/sim.4780132307.

    Example:
        >>> x = torch.tensor([[-1.0], [0.0], [1.0]])
        >>> w = fit_ridge_cox(covariates=x, event=torch.ones(3, dtype=torch.bool),
        ...                   time=torch.tensor([3.0, 2.0, 1.0]))
        >>> bool(w[0] > 0)
        True
    """
    design = covariates.double()
    times = time.double()
    weights = torch.zeros(design.shape[1], dtype=torch.float64, requires_grad=True)
    optimiser = torch.optim.LBFGS(
        [weights], max_iter=200, tolerance_grad=1e-9, line_search_fn="strong_wolfe"
    )

    def objective() -> Tensor:
        optimiser.zero_grad()
        value = cox_neg_log_likelihood(
            log_hazard=design @ weights, event=event, time=times, ties=ties
        )
        value = value + 0.5 * penalty * weights.square().sum()
        value.backward()
        return value

    with torch.enable_grad():
        optimiser.step(objective)
    return weights.detach()

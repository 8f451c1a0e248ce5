"""The discrete-time loss as a module: it owns the baseline of the bins."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from mmsurv.losses.functional import discrete_neg_log_likelihood


class DiscreteLoss(nn.Module):
    """`discrete_neg_log_likelihood` with learned baseline a_k; fit `edges` on training patients.

    Args:
        edges: Inner edges of the time bins, in the unit of the times.
    """

    edges: Tensor

    def __init__(self, edges: Sequence[float]) -> None:
        super().__init__()
        self.register_buffer("edges", torch.tensor(list(edges), dtype=torch.float32))
        # exp(-2): about 13 % of hazard a bin, so that training starts with patients who live.
        self.baseline = nn.Parameter(torch.full((len(edges) + 1,), -2.0))

    def forward(
        self,
        *,
        log_hazard: Float[Tensor, " n"],
        event: Bool[Tensor, " n"],
        time: Float[Tensor, " n"],
    ) -> Float[Tensor, ""]:
        """See `discrete_neg_log_likelihood`."""
        return discrete_neg_log_likelihood(
            log_hazard=log_hazard,
            event=event,
            time=time,
            edges=self.edges,
            baseline=self.baseline,
        )

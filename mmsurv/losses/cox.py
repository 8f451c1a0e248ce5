"""The Cox loss as a module."""

from __future__ import annotations

from jaxtyping import Bool, Float
from torch import Tensor, nn

from mmsurv.losses.functional import cox_neg_log_likelihood
from mmsurv.names import Ties


class CoxLoss(nn.Module):
    """`cox_neg_log_likelihood` with its tie handling fixed; the risk set is what is handed in.

    Args:
        ties: "efron" or "breslow".
    """

    def __init__(self, ties: Ties = "efron") -> None:
        super().__init__()
        self.ties: Ties = ties

    def forward(
        self,
        *,
        log_hazard: Float[Tensor, " n"],
        event: Bool[Tensor, " n"],
        time: Float[Tensor, " n"],
        counted: Bool[Tensor, " n"] | None = None,
    ) -> Float[Tensor, ""]:
        """See `cox_neg_log_likelihood`."""
        return cox_neg_log_likelihood(
            log_hazard=log_hazard, event=event, time=time, ties=self.ties, counted=counted
        )

"""Harrell's C-index and the number of pairs it rests on."""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Bool, Float
from torchsurv.metrics.cindex import ConcordanceIndex

from mmsurv.metrics.functional.value import Array, Value, check_survival_data


def comparable_pairs(*, event: Bool[Array, " n"], time: Float[Array, " n"]) -> int:
    r"""Pairs of patients of whom one is known to have had the event first.

    Patient i with an event at t_i is comparable with every j with t_j > t_i, and with every j that is
    censored at t_i. Two events at the same time are not comparable.

    Example:
        >>> comparable_pairs(event=np.array([True, False, True]), time=np.array([1.0, 1.0, 2.0]))
        2
    """
    times = np.asarray(time, dtype=float)
    happened = np.asarray(event, dtype=bool)
    after = len(times) - np.searchsorted(np.sort(times), times[happened], side="right")
    censored = np.sort(times[~happened])
    same = np.searchsorted(censored, times[happened], side="right") - np.searchsorted(
        censored, times[happened], side="left"
    )
    return int(after.sum() + same.sum())


def concordance(
    *, log_hazard: Float[Array, " n"], event: Bool[Array, " n"], time: Float[Array, " n"]
) -> Value:
    r"""Harrell's C-index: the share of comparable pairs that the log hazards order rightly.

    .. math:: C = \frac{\#\{\text{concordant}\} + \tfrac12 \#\{\eta_i = \eta_j\}}
                       {\#\{\text{comparable}\}}

    It takes a risk (higher = earlier event) and *does not accept* survival probabilities or times.
    0.5 is a coin, 1 a perfect order; under censoring its limit depends on the censoring.

    Args:
        log_hazard: Higher = at higher risk.
        event: True = it happened.
        time: Any unit.

    Returns:
        The index, or NaN with a reason where no pair is comparable.

    Raises:
        ValueError: A log hazard or time is not finite.

    Source: Harrell et al., Evaluating the yield of medical tests, 1982,
    doi:10.1001/jama.1982.03320430047030. Computed by torchsurv.

    Example:
        >>> concordance(log_hazard=np.array([2.0, 1.0]), event=np.array([True, True]),
        ...             time=np.array([1.0, 2.0]))
        Value(value=1.0, reason='')
    """
    check_survival_data(event, time, log_hazard=log_hazard)
    if not np.any(event):
        return Value.missing("no event")
    if comparable_pairs(event=event, time=time) == 0:
        return Value.missing("no comparable pair: nobody is known to outlive an event")
    index = ConcordanceIndex()(
        # Ranks order as the values do, and survive the float32 inside torchsurv.
        torch.from_numpy(ranks(log_hazard)),
        torch.from_numpy(np.asarray(event, dtype=bool)),
        torch.from_numpy(ranks(time)),
    )
    return Value(float(index))


def ranks(values: Float[Array, " n"]) -> Float[Array, " n"]:
    """Dense ranks as float32: equal values share one, and none is zero or negative."""
    _, rank = np.unique(np.asarray(values, dtype=np.float64), return_inverse=True)
    ranks: Array = (rank + 1).astype(np.float32)
    return ranks

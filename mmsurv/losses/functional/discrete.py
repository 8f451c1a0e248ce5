"""The discrete-time likelihood: proportional hazards on grouped times."""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

# exp of it is still far inside float32; a cumulative hazard of e^30 in one bin means nothing.
_LINEAR_FROM = 30.0
# Below it 1 - exp(-u), u = e^x, is u (1 - u/2 + u²/6) to the last bit of float64.
_SERIES_BELOW = -8.0


def time_bin(time: Float[Tensor, " n"], edges: Float[Tensor, " inner"]) -> Int[Tensor, " n"]:
    """Index of the bin of each time; bin k is [edge_{k-1}, edge_k), the last has no end.

    Example:
        >>> time_bin(torch.tensor([0.5, 1.0, 9.0]), torch.tensor([1.0, 2.0])).tolist()
        [0, 1, 2]
    """
    return torch.bucketize(time, edges.to(time), right=True)


def discrete_neg_log_likelihood(
    *,
    log_hazard: Float[Tensor, " n"],
    event: Bool[Tensor, " n"],
    time: Float[Tensor, " n"],
    edges: Float[Tensor, " inner"],
    baseline: Float[Tensor, " K"],
) -> Float[Tensor, ""]:
    r"""Negative log-likelihood of times grouped into K bins, averaged over patients.

    The grouped proportional hazards model: the hazard of bin k is
    :math:`h_k(x) = 1 - \exp(-\exp(a_k + \eta(x)))`, so one log hazard a patient serves all bins,
    and

    .. math:: L = -\frac{1}{n} \sum_i \Big( d_i \log h_{k_i}(x_i)
              - \sum_{k < k_i} e^{a_k + \eta_i} - (1 - d_i) \, e^{a_{k_i} + \eta_i} \Big)

    A patient censored within a bin is taken to survive it.

    Args:
        log_hazard: eta, one number a patient. Half precision is raised to float32.
        event: True = it happened.
        time: In the unit of the edges.
        edges: K - 1 inner edges of the bins, increasing.
        baseline: a_k, one number a bin.

    Returns:
        The loss; zero patients give a zero that is connected to `log_hazard`. Above a + eta = 30
        the exponential goes on as its tangent, so that loss and gradient stay finite.

    Raises:
        ValueError: `baseline` does not have one number more than `edges`, or shapes differ.

    Source: Prentice and Gloeckler, Regression analysis of grouped survival data, 1978,
    doi:10.2307/2529588.

    Example:
        >>> loss = discrete_neg_log_likelihood(
        ...     log_hazard=torch.zeros(1), event=torch.tensor([False]), time=torch.tensor([0.5]),
        ...     edges=torch.tensor([1.0]), baseline=torch.zeros(2))
        >>> loss.item()  # exp(0) of cumulative hazard survived
        1.0
    """
    if not log_hazard.shape == event.shape == time.shape:
        raise ValueError(
            "log_hazard, event and time must have one shape, got "
            f"{tuple(log_hazard.shape)}, {tuple(event.shape)}, {tuple(time.shape)}"
        )
    if len(baseline) != len(edges) + 1:
        raise ValueError(
            f"{len(edges)} edges make {len(edges) + 1} bins, got {len(baseline)} baseline numbers"
        )
    eta = log_hazard.to(torch.promote_types(log_hazard.dtype, torch.float32))
    if len(eta) == 0:
        return eta.sum()
    bins = time_bin(time, edges)
    level = baseline[None, :] + eta[:, None]
    cumulative = _exp(level)
    before = torch.arange(len(baseline), device=bins.device)[None, :] < bins[:, None]
    survived = (cumulative * before).sum(1)
    own = level.gather(1, bins[:, None])[:, 0]
    last = torch.where(event, _log_died(own), -_exp(own))
    loss: Tensor = -(last - survived).mean()
    return loss


def _exp(x: Float[Tensor, ...]) -> Float[Tensor, ...]:
    """exp(x), continued as its tangent where it is beyond meaning."""
    beyond = (x - _LINEAR_FROM).clamp(min=0.0)
    return torch.exp(x.clamp(max=_LINEAR_FROM)) * (1.0 + beyond)


def _log_died(x: Float[Tensor, " n"]) -> Float[Tensor, " n"]:
    """log(1 - exp(-exp(x))) without cancellation, for any x."""
    # Each branch is fed a value it can bear: gradients flow through both.
    small = x.clamp(max=_SERIES_BELOW)
    u = torch.exp(small)
    large = torch.log(-torch.expm1(-_exp(x.clamp(min=_SERIES_BELOW))))
    return torch.where(x < _SERIES_BELOW, small - u / 2 + u.square() / 24, large)


def event_time_edges(
    *, event: Bool[Tensor, " n"], time: Float[Tensor, " n"], bins: int
) -> Float[Tensor, " inner"]:
    """Inner edges of up to `bins` bins with about as many training events each.

    Args:
        event: True = it happened; at least one.
        time: Times of the training patients, and of no others.
        bins: K wanted, at least 1; equal quantiles are merged, so there may be fewer.

    Returns:
        float64, increasing.

    Raises:
        ValueError: No event, or no bin.

    Example:
        >>> event_time_edges(event=torch.tensor([True, True, False]),
        ...                  time=torch.tensor([1.0, 3.0, 9.0]), bins=2).tolist()
        [2.0]
    """
    if bins < 1:
        raise ValueError(f"bins={bins}: at least 1 is needed")
    if not event.any():
        raise ValueError("time bins need at least one event among the training patients")
    happened = time[event].double()
    inner = torch.linspace(0, 1, bins + 1, dtype=torch.float64, device=time.device)[1:-1]
    edges: Tensor = torch.unique(torch.quantile(happened, inner))
    return edges

"""Losses as pure functions. What each one is for, and why none comes from a library: docs/losses.md."""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from mmsurv.names import Ties


def cox_neg_log_likelihood(
    *,
    log_hazard: Float[Tensor, " n"],
    event: Bool[Tensor, " n"],
    time: Float[Tensor, " n"],
    ties: Ties = "efron",
    counted: Bool[Tensor, " n"] | None = None,
) -> Float[Tensor, ""]:
    r"""Negative Cox partial log-likelihood, averaged over events (the paper's equation 2).

    .. math:: L = -\frac{1}{D} \sum_{i: d_i = 1} \Big( \eta_i - \log D_i \Big), \quad
              D_i = \sum_{j: t_j \ge t_i} e^{\eta_j} - \frac{r_i}{m_i} \sum_{j \in E_i} e^{\eta_j}

    with log hazards :math:`\eta`, D events, :math:`E_i` the m_i events tied at t_i and r_i = 0 … m_i - 1
    the rank of event i among them (Efron); r_i = 0 for all is Breslow. A patient censored at t is still
    at risk at t. Everything is computed on logarithms, so no log hazard overflows.

    Args:
        log_hazard: One number a patient; only differences matter.
        event: True = it happened.
        time: Event or censoring time in any unit.
        ties: "efron" or "breslow"; the same without tied events.
        counted: Patients whose events enter the sum; the others only stand in risk sets, so that a risk
            set may be larger than the batch. None counts all.

    Returns:
        The loss. Without a counted event it is a zero that is connected to `log_hazard` and whose
        gradient is zero.

    Raises:
        ValueError: Shapes differ, or `ties` is unknown.

    Sources: Cox, Regression models and life-tables, 1972, doi:10.1111/j.2517-6161.1972.tb00899.x;
    Efron, The efficiency of Cox's likelihood function for censored data, 1977,
    doi:10.1080/01621459.1977.10480613; Breslow, Covariance analysis of censored survival data, 1974,
    doi:10.2307/2529620.

    Example:
        >>> eta = torch.tensor([2.0, 1.0, 0.0])
        >>> yes = torch.tensor([True, True, True])
        >>> risky_first = cox_neg_log_likelihood(
        ...     log_hazard=eta, event=yes, time=torch.tensor([1.0, 2.0, 3.0]))
        >>> risky_last = cox_neg_log_likelihood(
        ...     log_hazard=eta, event=yes, time=torch.tensor([3.0, 2.0, 1.0]))
        >>> round(risky_first.item(), 3), round(risky_last.item(), 3)
        (0.24, 1.24)
    """
    if not log_hazard.shape == event.shape == time.shape:
        raise ValueError(
            "log_hazard, event and time must have one shape, got "
            f"{tuple(log_hazard.shape)}, {tuple(event.shape)}, {tuple(time.shape)}"
        )
    if ties not in ("efron", "breslow"):
        raise ValueError(f"ties={ties!r}: use 'efron' or 'breslow'")
    scored = event if counted is None else event & counted
    # Times as ranks, latest first: patients of one time share a rank, whatever their order.
    _, rank = torch.unique(-time, return_inverse=True)
    ranks = int(rank.max()) + 1 if len(rank) else 0
    if ranks == 0:
        return log_hazard.sum() * 0.0
    at_risk = torch.logcumsumexp(_grouped_logsumexp(log_hazard, rank, ranks), 0)
    denominator = at_risk[rank]
    if ties == "efron":
        denominator = _efron_denominator(log_hazard, event, rank, ranks, at_risk)
    # Where, not times zero: a discarded row must not turn an infinity into NaN.
    terms = torch.where(scored, log_hazard - denominator, torch.zeros_like(log_hazard))
    return -terms.sum() / scored.sum().clamp(min=1)


def _grouped_logsumexp(
    x: Float[Tensor, " n"], group: Int[Tensor, " n"], groups: int
) -> Float[Tensor, " g"]:
    """Log of the sum of exp(x) within each group; -inf for an empty group, with finite gradients."""
    lowest = torch.finfo(x.dtype).min
    highest = x.new_full((groups,), lowest).scatter_reduce(0, group, x.detach(), "amax")
    total = x.new_zeros(groups).index_add(0, group, torch.exp(x - highest[group]))
    empty = total == 0
    return torch.where(empty, -torch.inf, torch.log(total.where(~empty, 1.0)) + highest)


def _efron_denominator(
    log_hazard: Float[Tensor, " n"],
    event: Bool[Tensor, " n"],
    rank: Int[Tensor, " n"],
    ranks: int,
    at_risk: Float[Tensor, " g"],
) -> Float[Tensor, " n"]:
    """Log D_i of every event (any finite value for the others)."""
    tied = log_hazard.new_zeros(ranks).index_add(0, rank, event.to(log_hazard.dtype))[rank]
    # Rank of each event among those of its time: position in a stable order, minus the first one's.
    order = torch.argsort(rank * 2 + (~event).long(), stable=True)
    position = torch.empty_like(order)
    position[order] = torch.arange(len(order), device=order.device)
    first = torch.full_like(rank[:ranks], len(order)).scatter_reduce(0, rank, position, "amin")
    fraction = (position - first[rank]).to(log_hazard.dtype) / tied.clamp(min=1)
    shared = event & (fraction > 0)
    deaths = _grouped_logsumexp(
        torch.where(event, log_hazard, torch.finfo(log_hazard.dtype).min / 4), rank, ranks
    )[rank]
    everyone = at_risk[rank]
    # log(e^a - f e^b) = a + log1p(-f e^(b-a)), b <= a, f < 1: never the log of a negative.
    gap = torch.where(shared, deaths - everyone, torch.zeros_like(everyone)).clamp(max=0.0)
    return everyone + torch.log1p(-torch.where(shared, fraction, 0.0) * torch.exp(gap))


def time_bin(time: Float[Tensor, " n"], edges: Float[Tensor, " K_1"]) -> Int[Tensor, " n"]:
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
    edges: Float[Tensor, " K_1"],
    baseline: Float[Tensor, " K"],
) -> Float[Tensor, ""]:
    r"""Negative log-likelihood of times grouped into K bins, averaged over patients.

    The grouped proportional hazards model: the hazard of bin k is
    :math:`h_k(x) = 1 - \exp(-\exp(a_k + \eta(x)))`, so one log hazard a patient serves all bins, and

    .. math:: L = -\frac{1}{n} \sum_i \Big( d_i \log h_{k_i}(x_i)
              - \sum_{k < k_i} e^{a_k + \eta_i} - (1 - d_i) \, e^{a_{k_i} + \eta_i} \Big)

    A patient censored within a bin is taken to survive it.

    Args:
        log_hazard: eta, one number a patient.
        event: True = it happened.
        time: In the unit of the edges.
        edges: K - 1 inner edges of the bins, increasing.
        baseline: a_k, one number a bin.

    Returns:
        The loss; zero patients give a connected zero.

    Raises:
        ValueError: `baseline` does not have one number more than `edges`.

    Source: Prentice and Gloeckler, Regression analysis of grouped survival data, 1978,
    doi:10.2307/2529588.

    Example:
        >>> loss = discrete_neg_log_likelihood(
        ...     log_hazard=torch.zeros(1), event=torch.tensor([False]), time=torch.tensor([0.5]),
        ...     edges=torch.tensor([1.0]), baseline=torch.zeros(2))
        >>> loss.item()  # exp(0) of cumulative hazard survived
        1.0
    """
    if len(baseline) != len(edges) + 1:
        raise ValueError(f"{len(edges)} edges make {len(edges) + 1} bins, got {len(baseline)}")
    if len(log_hazard) == 0:
        return log_hazard.sum() * 0.0
    bins = time_bin(time, edges)
    # Above e^30 a hazard is certain to the last bit; the clamp keeps its exponential finite.
    level = (baseline[None, :] + log_hazard[:, None]).clamp(max=30.0)
    cumulative = torch.exp(level)
    before = torch.arange(len(baseline), device=bins.device)[None, :] < bins[:, None]
    own = level.gather(1, bins[:, None])[:, 0]
    survived = (cumulative * before).sum(1)
    # log(1 - exp(-exp(x))), by way of expm1.
    died = torch.log(-torch.expm1(-torch.exp(own)).clamp(max=-torch.finfo(own.dtype).tiny))
    log_likelihood = torch.where(event, died, -torch.exp(own)) - survived
    return -log_likelihood.mean()


def event_time_edges(
    *, event: Bool[Tensor, " n"], time: Float[Tensor, " n"], bins: int
) -> Float[Tensor, " K_1"]:
    """Inner edges of up to `bins` bins with about as many training events each.

    Args:
        event: True = it happened; at least one.
        time: Times of the training patients.
        bins: K wanted; equal quantiles are merged, so there may be fewer.

    Raises:
        ValueError: No event.

    Example:
        >>> event_time_edges(event=torch.tensor([True, True, False]),
        ...                  time=torch.tensor([1.0, 3.0, 9.0]), bins=2).tolist()
        [2.0]
    """
    if not event.any():
        raise ValueError("time bins need at least one event among the training patients")
    inner = torch.linspace(0, 1, bins + 1, dtype=torch.float64)[1:-1]
    return torch.unique(torch.quantile(time[event].double(), inner))

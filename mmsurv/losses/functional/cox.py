"""The Cox partial likelihood. Why it does not come from a library: docs/losses.md."""

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

    .. math:: L = -\frac{1}{D} \sum_{i: d_i = 1} \big( \eta_i - \log A_i \big), \quad
              A_i = \sum_{j: t_j \ge t_i} e^{\eta_j} - \frac{r_i}{m_i} \sum_{j \in E_i} e^{\eta_j}

    with log hazards :math:`\eta`, D events, :math:`E_i` the m_i events tied at t_i and
    r_i = 0 … m_i - 1 the rank of event i among them (Efron); r_i = 0 for all is Breslow. A patient
    censored at t is still at risk at t. Everything is computed on logarithms, so no log hazard
    overflows.

    Args:
        log_hazard: One number a patient; only differences matter. Half precision is raised to
            float32.
        event: True = it happened.
        time: Event or censoring time in any unit.
        ties: "efron" or "breslow"; the same without tied events.
        counted: Patients whose events enter the sum; the others only stand in risk sets (and in
            the ties of Efron), so that a risk set may be larger than the batch. None counts all.

    Returns:
        The loss. Without a counted event it is a zero that is connected to `log_hazard` and whose
        gradient is zero.

    Raises:
        ValueError: Shapes differ, or `ties` is unknown.

    Sources: Cox, Regression models and life-tables, 1972, doi:10.1111/j.2517-6161.1972.tb00899.x;
    Efron, The efficiency of Cox's likelihood function for censored data, 1977,
    doi:10.1080/01621459.1977.10480613; Breslow, Covariance analysis of censored survival data,
    1974, doi:10.2307/2529620.

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
    eta = log_hazard.to(torch.promote_types(log_hazard.dtype, torch.float32))
    if len(eta) == 0:
        return eta.sum()
    scored = event if counted is None else event & counted
    # Times as ranks, latest first: patients of one time share a rank, whatever their order.
    distinct, rank = torch.unique(-time, return_inverse=True)
    ranks = len(distinct)
    log_at_risk = torch.logcumsumexp(_grouped_logsumexp(eta, rank, ranks), 0)[rank]
    if ties == "efron":
        log_at_risk = _without_share(log_at_risk, eta, event, rank, ranks)
    # where, not a product: a discarded row must not turn an infinity into NaN.
    terms = torch.where(scored, eta - log_at_risk, torch.zeros_like(eta))
    return -terms.sum() / scored.sum().clamp(min=1)


def compares(*, event: Bool[Tensor, " n"], time: Float[Tensor, " n"]) -> bool:
    """Whether an event finds anybody else at risk; if none does, log hazards have no gradient.

    Args:
        event: True = it happened.
        time: Event or censoring time in any unit.

    Example:
        >>> time = torch.tensor([1.0, 2.0])
        >>> [compares(event=torch.tensor(event), time=time) for event in ([True, False],
        ...     [False, True], [False, False])]
        [True, False, False]
    """
    if not event.any():
        return False
    # The earliest event has the largest risk set, itself included.
    return int((time >= time[event].min()).sum()) > 1


def _grouped_logsumexp(
    x: Float[Tensor, " n"], group: Int[Tensor, " n"], groups: int
) -> Float[Tensor, " g"]:
    """Log of the sum of exp(x) within each group; no group is empty."""
    lowest = torch.finfo(x.dtype).min
    highest = x.new_full((groups,), lowest).scatter_reduce(0, group, x.detach(), "amax")
    total = x.new_zeros(groups).index_add(0, group, torch.exp(x - highest[group]))
    return torch.log(total) + highest


def _without_share(
    log_at_risk: Float[Tensor, " n"],
    eta: Float[Tensor, " n"],
    event: Bool[Tensor, " n"],
    rank: Int[Tensor, " n"],
    ranks: int,
) -> Float[Tensor, " n"]:
    """Efron's log A_i: the r-th of m tied events finds the tied events' hazard less r/m of it."""
    tied = eta.new_zeros(ranks).index_add(0, rank, event.to(eta.dtype))[rank]
    # r: place in an order by time with events first, counted from the first place of that time.
    order = torch.argsort(rank * 2 + (~event).long(), stable=True)
    place = torch.empty_like(order)
    place[order] = torch.arange(len(order), device=order.device)
    first = torch.full_like(order[:ranks], len(order)).scatter_reduce(0, rank, place, "amin")
    share = (place - first[rank]).to(eta.dtype) / tied.clamp(min=1)
    shared = event & (share > 0)
    # A finite stand-in for log 0: gradients of infinities are NaN.
    nothing = torch.finfo(eta.dtype).min / 4
    log_tied = _grouped_logsumexp(torch.where(event, eta, nothing), rank, ranks)[rank]
    # log(e^a - s e^b) = a + log1p(-s e^(b-a)) with b <= a and s < 1: never the log of a negative.
    gap = torch.where(shared, log_tied - log_at_risk, torch.zeros_like(eta)).clamp(max=0.0)
    return log_at_risk + torch.log1p(-torch.where(shared, share, 0.0) * torch.exp(gap))

"""The exact gradient of a loss over a whole cohort, with one batch in memory at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from mmsurv.batch import Batch


class Seen(NamedTuple):
    """What one pass over a role saw, patient by patient."""

    log_hazard: Float[Tensor, " n"]
    event: Bool[Tensor, " n"]
    time_days: Float[Tensor, " n"]


class Foreseen(NamedTuple):
    """What the first pass found.

    Attributes:
        seen: Log hazards of all patients, in the order of the batches.
        loss: Of all patients together.
        gradients: Of that loss by the log hazards, batch by batch; where several ranks train
            together, by the rank's own.
    """

    seen: Seen
    loss: Float[Tensor, ""]
    gradients: tuple[Float[Tensor, " b"], ...]


def joined(seen: list[Seen]) -> Seen:
    """All batches of one pass as one, detached, on the CPU.

    Example:
        >>> one = Seen(torch.zeros(2), torch.ones(2, dtype=torch.bool), torch.ones(2))
        >>> joined([one, one]).log_hazard.tolist()
        [0.0, 0.0, 0.0, 0.0]
    """
    return Seen(*(part.detach().cpu() for part in merged(seen)))


def merged(parts: Sequence[Seen]) -> Seen:
    """All of them as one, where they are.

    What is kept of every batch is kept in one piece: thousands of small tensors, each made while
    the large ones of its batch were there, would leave holes that nothing fits into, and memory
    would grow with the cohort.

    Example:
        >>> one = Seen(torch.zeros(2), torch.ones(2, dtype=torch.bool), torch.ones(2))
        >>> len(merged([one, one]).log_hazard)
        4
    """
    return Seen(*(torch.cat(part) for part in zip(*parts, strict=True)))


def seed_batch(seed: int, epoch: int, number: int) -> None:
    """Makes dropout a function of seed, epoch and batch, so that a second pass repeats the first.

    Example:
        >>> seed_batch(1, 2, 3); first = torch.rand(1)
        >>> seed_batch(1, 2, 3); bool(first == torch.rand(1))
        True
    """
    torch.manual_seed(((seed * 1_000_003 + epoch) * 1_000_003 + number) % 2**63)


def alone(seen: Seen) -> tuple[Seen, slice]:
    """The gathering of one who has nobody to gather from."""
    return seen, slice(0, len(seen.event))


def foresee(
    forward: Callable[[int, Batch], Float[Tensor, " b"]],
    batches: Iterable[Batch],
    loss: nn.Module,
    gather: Callable[[Seen], tuple[Seen, slice]] = alone,
) -> Foreseen:
    r"""First pass: log hazards of everybody, and the gradient of the loss with respect to them.

    A loss over n patients is a function of n numbers. With
    :math:`g_i = \partial L / \partial \eta_i` from this pass, the gradient by the weights is

    .. math:: \frac{\partial L}{\partial w} = \sum_{\mathrm{batches}\ b}
              \frac{\partial}{\partial w} \sum_{i \in b} g_i \, \eta_i(w),

    so a second pass that back-propagates :math:`\sum_i g_i \eta_i` batch by batch gives the
    gradient of the whole, if its log hazards are those of the first pass, dropout included.

    Args:
        forward: Log hazards of a batch, from its number and the batch; it seeds dropout.
        batches: All patients, in the order in which the second pass will see them.
        loss: Called with log_hazard, event and time; computed in float32 or wider.
        gather: What all ranks saw of a batch, and which of its rows are this rank's; see
            `mmsurv.ranks.gathered`.

    Source of the two passes: Gao et al., Scaling deep contrastive learning batch size under memory
    limited setup, 2021, doi:10.48550/arXiv.2101.06983.

    Example:
        >>> from mmsurv.losses import CoxLoss
        >>> foresee(lambda number, batch: torch.zeros(2), [], CoxLoss())
        Traceback (most recent call last):
        ValueError: there is no batch to train on
    """
    parts: list[Seen] = []
    counts: list[int] = []
    own: list[slice] = []
    with torch.no_grad():
        for number, batch in enumerate(batches):
            log_hazard = forward(number, batch)
            wide = torch.promote_types(log_hazard.dtype, torch.float32)
            n = len(log_hazard) * batch.counted
            seen, rows = gather(Seen(log_hazard[:n].to(wide), batch.event[:n], batch.time_days[:n]))
            parts = [merged([*parts, seen])]
            counts.append(len(seen.event))
            own.append(rows)
    if not parts:
        raise ValueError("there is no batch to train on")
    log_hazard, event, time_days = parts[0]
    with torch.enable_grad():
        leaf = log_hazard.requires_grad_()
        value = loss(log_hazard=leaf, event=event, time=time_days)
        (gradient,) = torch.autograd.grad(value, leaf)
    split = gradient.split(counts)
    gradients = tuple(part[rows] for part, rows in zip(split, own, strict=True))
    return Foreseen(Seen(leaf.detach(), event, time_days), value.detach(), gradients)

"""One loss over the patients of all processes (ranks) that train a network together.

A Cox loss is no sum over patients: each event is compared with everybody still at risk, wherever
their log hazard was computed. So every rank gathers the log hazards of all and computes the one
loss; only its own are alive in the graph. Alone, nothing is gathered and nothing changes.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, distributed

from mmsurv.replay import Seen


def rank_and_world() -> tuple[int, int]:
    """Number of this process from 0, and how many train together.

    Example:
        >>> rank_and_world()
        (0, 1)
    """
    if not (distributed.is_available() and distributed.is_initialized()):
        return 0, 1
    return distributed.get_rank(), distributed.get_world_size()


def gathered(seen: Seen) -> tuple[Seen, slice]:
    """What all ranks saw, rank by rank, detached; and which rows are this rank's own.

    Args:
        seen: Of this rank; ranks may have unlike numbers of patients, also none.

    Example:
        >>> one = Seen(torch.zeros(2), torch.ones(2, dtype=torch.bool), torch.ones(2))
        >>> gathered(one)[1]
        slice(0, 2, None)
    """
    own = Seen(*(part.detach() for part in seen))
    rank, world = rank_and_world()
    if world == 1:
        return own, slice(0, len(own.event))
    device = _device()
    counts = [torch.zeros(1, dtype=torch.int64, device=device) for _ in range(world)]
    distributed.all_gather(counts, torch.tensor([len(own.event)], device=device))
    lengths = [int(count.item()) for count in counts]
    # One message of all three; float64 holds float32 and booleans as they are.
    message = torch.zeros(3, max(lengths), dtype=torch.float64, device=device)
    message[:, : lengths[rank]] = torch.stack([part.to(message) for part in own])
    messages = [torch.empty_like(message) for _ in range(world)]
    distributed.all_gather(messages, message)
    rows = torch.cat([m[:, :n] for m, n in zip(messages, lengths, strict=True)], dim=1)
    start = sum(lengths[:rank])
    whole = Seen(*(row.to(part) for row, part in zip(rows, own, strict=True)))
    return whole, slice(start, start + lengths[rank])


def together(seen: Seen) -> Seen:
    r"""What all ranks saw, with this rank's log hazards alive, for a loss of everybody.

    A loss :math:`L(\eta)` of all log hazards has the gradient
    :math:`\sum_r \sum_{i \in r} \partial L / \partial \eta_i \, \partial \eta_i / \partial w`.
    Rank r back-propagates its own inner sum. DistributedDataParallel takes the mean over the R
    ranks, so the gradient that enters :math:`\eta` is multiplied by R, and the mean is the
    gradient of the whole. Weights of the loss itself see everybody on every rank; their gradient is
    not multiplied.

    Args:
        seen: Of this rank, maybe nobody; the graph still leads to its weights then.

    Example:
        >>> seen = Seen(torch.zeros(2), torch.ones(2, dtype=torch.bool), torch.ones(2))
        >>> together(seen) is seen
        True
    """
    world = rank_and_world()[1]
    if world == 1:
        return seen
    whole, rows = gathered(seen)
    alive: Float[Tensor, " n"] = seen.log_hazard.clone()
    if alive.requires_grad:
        alive.register_hook(lambda gradient: gradient * world)
    before, after = whole.log_hazard[: rows.start], whole.log_hazard[rows.stop :]
    return whole._replace(log_hazard=torch.cat([before, alive, after]))


def _device() -> torch.device:
    """Where messages between ranks must lie."""
    if distributed.get_backend() == "nccl":
        return torch.device("cuda", torch.cuda.current_device())
    return torch.device("cpu")

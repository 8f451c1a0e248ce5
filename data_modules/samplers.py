"""Which patients make a batch, and which of them a rank reads, where several train together."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch.utils.data import Sampler

from data_modules.dataset import Copy, Draw, EpochSampler


class EventBalancedSampler(EpochSampler):
    """Deals the patients with an event evenly over the batches of an epoch.

    A batch without an event teaches a Cox loss nothing. Here no batch lacks one while there are as
    many events as batches, and two batches differ by at most one event, unless the last is too
    small for its share. Who meets whom is drawn anew every epoch, as is who gets the events that
    are left over.

    Args:
        event: Of every patient.
        batch_size: Patients a batch.
        seed: Of the run, fold and network.

    Example:
        >>> event = [True, True, True, False, False, False, False, False, False]
        >>> order = [draw.position for draw in EventBalancedSampler(event, 3, seed=0)]
        >>> [sum(event[i] for i in order[k:k + 3]) for k in (0, 3, 6)]
        [1, 1, 1]
    """

    def __init__(self, event: Sequence[bool], batch_size: int, seed: int) -> None:
        super().__init__(len(event), seed)
        self.event = list(event)
        self.batch_size = batch_size

    def order(self, random: torch.Generator) -> list[int]:
        """Positions of all patients, batch by batch."""
        shuffled = super().order(random)
        dying = [i for i in shuffled if self.event[i]]
        others = [i for i in shuffled if not self.event[i]]
        starts = range(0, self.length, self.batch_size)
        room = [min(self.batch_size, self.length - start) for start in starts]
        order: list[int] = []
        for size, events in zip(room, _dealt(len(dying), room, random), strict=True):
            batch = [dying.pop() for _ in range(events)]
            batch += [others.pop() for _ in range(size - events)]
            order += [batch[i] for i in torch.randperm(size, generator=random).tolist()]
        return order


def _dealt(events: int, room: Sequence[int], random: torch.Generator) -> list[int]:
    """How many events each batch gets: one after the other, in a drawn order, while it has room."""
    dealt = [0] * len(room)
    turn = torch.randperm(len(room), generator=random).tolist()
    while events:
        for batch in turn:
            if events and dealt[batch] < room[batch]:
                dealt[batch] += 1
                events -= 1
    return dealt


class RankBatches(Sampler[list[int | Draw | Copy]]):
    """A rank's share of every batch; the batches are those that one process would see.

    Shares are contiguous, in the order of the ranks, and differ by at most one patient. Where a
    small last batch leaves a rank without anybody, it gets a `Copy` of the first patient, so that
    all ranks make the same number of steps.

    Args:
        sampler: Order of all patients.
        batch_size: Patients a batch, all ranks together.
        rank: Of this process, from 0.
        world: Number of ranks.

    Example:
        >>> list(RankBatches(range(7), 4, rank=1, world=2))
        [[2, 3], [5, 6]]
        >>> list(RankBatches(range(5), 4, rank=0, world=2))
        [[0, 1], [Copy(of=4)]]
    """

    def __init__(
        self, sampler: Sampler[Draw] | range, batch_size: int, *, rank: int, world: int
    ) -> None:
        # Lightning calls its set_epoch.
        self.sampler = sampler
        self.batch_size = batch_size
        self.rank = rank
        self.world = world

    def __len__(self) -> int:
        return -(-len(self.sampler) // self.batch_size)  # type: ignore[arg-type]

    def __iter__(self) -> Iterator[list[int | Draw | Copy]]:
        batch: list[int | Draw] = []
        for item in self.sampler:
            batch.append(item)
            if len(batch) == self.batch_size:
                yield self._share(batch)
                batch = []
        if batch:
            yield self._share(batch)

    def _share(self, batch: list[int | Draw]) -> list[int | Draw | Copy]:
        start, stop = (len(batch) * r // self.world for r in (self.rank, self.rank + 1))
        return [*batch[start:stop]] or [Copy(batch[0])]

"""Reads the next batches in a thread while one is computed: the same batches in the same order."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator
from typing import Any, NamedTuple, TypeVar

import torch
from torch.utils.data import DataLoader

from mmsurv.batch import Batch, Patient, Ragged

Item = TypeVar("Item")


class _Failed(NamedTuple):
    error: BaseException


class _End:
    """Nothing follows."""


def read_ahead(items: Iterator[Item], ahead: int) -> Iterator[Item]:
    """Hands out what an iterator yields, which a thread draws up to `ahead` items early.

    The thread ends with the iterator, with an error, which is raised here in its place in the
    order, or when the reader stops: whoever closes this iterator waits for the thread.

    Args:
        items: Drawn by the thread alone.
        ahead: At least 1; as many items wait here at most.

    Example:
        >>> list(read_ahead(iter("abc"), 2))
        ['a', 'b', 'c']
    """
    ready: queue.Queue[Item | _Failed | _End] = queue.Queue()
    room = threading.Semaphore(ahead)
    stopped = threading.Event()

    def draw() -> None:
        try:
            while room.acquire() and not stopped.is_set():
                ready.put(next(items))
        except StopIteration:
            ready.put(_End())
        except BaseException as error:
            ready.put(_Failed(error))

    thread = threading.Thread(target=draw, name="prefetch", daemon=True)
    thread.start()
    try:
        while not isinstance(item := ready.get(), _End):
            if isinstance(item, _Failed):
                error = item.error
                del item  # else the error's own traceback would keep it
                raise error
            room.release()
            yield item
            del item  # the reader may let go of it while the next one is waited for
    finally:
        stopped.set()
        room.release()
        thread.join()


class PrefetchLoader(DataLoader[Patient]):
    """A `DataLoader` whose batches are read ahead by a thread, where no workers do so.

    Args:
        *given: Of a `DataLoader`.
        ahead: Batches read ahead; 0 reads when asked.
        pinned: Lay batches into memory that a GPU copies from while it computes.
        **named: Of a `DataLoader`.
    """

    def __init__(self, *given: Any, ahead: int = 0, pinned: bool = False, **named: Any) -> None:
        super().__init__(*given, **named)
        self.ahead = ahead
        self.pinned = pinned

    def __iter__(self) -> Iterator[Any]:  # type: ignore[override]
        """The batches of one epoch: of that which the sampler is at when the first is asked for.

        Processes are handed their first batches as they begin. Where a run is resumed, Lightning
        asks for this iterator before it tells the sampler the epoch.
        """
        batches: Iterator[Batch] = super().__iter__()
        if self.pinned:
            batches = map(pin, batches)
        if self.ahead and self.num_workers == 0:
            batches = read_ahead(batches, self.ahead)
        yield from batches


def pin(batch: Batch) -> Batch:
    """The batch in page-locked memory; what is on a GPU already stays there.

    Example:
        >>> from mmsurv.batch import collate
        >>> zeros = torch.zeros(0, 2, dtype=torch.int64)
        >>> batch = collate([Patient("a", torch.zeros(0, 4), zeros, zeros[:, 0], torch.zeros(3),
        ...                          torch.ones(3).bool(), torch.zeros(2), True, 9.0, True)])
        >>> pin(batch).patches.counts
        (0,)
    """
    if not torch.cuda.is_available():
        return batch
    return Batch(*(_pinned(part) for part in batch))


def _pinned(part: Any) -> Any:
    if isinstance(part, Ragged):
        return Ragged(_pinned(part.tokens), part.counts)
    return part.pin_memory() if isinstance(part, torch.Tensor) and not part.is_cuda else part

"""Tiles on a processor: few at a time to a core, side by side."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch
from jaxtyping import UInt8

Array = np.ndarray

# Tiles that go through a network together. What its layers make of these stays in a core's cache;
# what they make of sixteen is written to memory and fetched again, in pages that are new each time.
PIECE_TILES = 2
# Tiles at the end of a batch that go alone, so that cores wait less for the last of them.
LAST_ALONE = 4


class Lanes:
    """Threads that each take the next piece of a batch, and share out the processor's cores.

    Cores that work on one piece together wait for each other at every layer; here each has its own.
    The vector of a tile is the same as with all tiles at once, up to rounding.

    Args:
        forward: A network's vectors of tiles; called from several threads at once.

    Example:
        >>> double = Lanes(lambda tiles: torch.from_numpy(tiles).flatten(1).sum(1, keepdim=True))
        >>> double(np.ones((3, 2, 2, 3), np.uint8)).tolist()
        [[12], [12], [12]]
    """

    def __init__(self, forward: Callable[[UInt8[Array, "n t t 3"]], torch.Tensor]) -> None:
        self._forward = forward
        self._lanes = 0
        self._pool: ThreadPoolExecutor | None = None

    def __call__(self, tiles: UInt8[Array, "n t t 3"]) -> torch.Tensor:
        """Vectors of tiles, of which there is at least one, in their order."""
        pieces = _pieces(tiles)
        cores = torch.get_num_threads()
        lanes = min(cores, len(pieces))
        if self._pool is None or lanes > self._lanes:
            self._pool, self._lanes = ThreadPoolExecutor(lanes, "lane"), lanes
        each = cores // self._lanes

        def in_lane(piece: UInt8[Array, "n t t 3"]) -> torch.Tensor:
            if torch.get_num_threads() != each:  # this thread's
                torch.set_num_threads(each)
            return self._forward(piece)

        try:
            return torch.cat(list(self._pool.map(in_lane, pieces)))
        finally:
            # A lane that was set is also what threads to come begin with.
            torch.set_num_threads(cores)


def _pieces(tiles: UInt8[Array, "n t t 3"]) -> list[UInt8[Array, "m t t 3"]]:
    """The same of a batch on any number of cores, for a last digit may depend on them."""
    alone = max(len(tiles) - LAST_ALONE, 0)
    starts = [*range(0, alone, PIECE_TILES), *range(alone, len(tiles))]
    ends = [*starts[1:], len(tiles)]
    return [tiles[start:end] for start, end in zip(starts, ends, strict=True)]

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch

from data_modules.wsi.lanes import LAST_ALONE, PIECE_TILES, Lanes

# Of a batch of as many tiles, each alone.
PIECES = LAST_ALONE


@pytest.fixture(params=[1, 2, 6])
def cores(request):  # noqa: ANN201
    """Threads that PyTorch may use here."""
    before = torch.get_num_threads()
    torch.set_num_threads(request.param)
    yield request.param
    torch.set_num_threads(before)


def tiles(count: int) -> np.ndarray:
    return np.arange(count, dtype=np.uint8)[:, None, None, None] * np.ones((2, 2, 3), np.uint8)


def first(piece: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(piece)[:, 0, 0, :1].float()


@pytest.mark.parametrize("count", [1, LAST_ALONE, LAST_ALONE + 1, 7 * PIECE_TILES + LAST_ALONE - 1])
def test_vectors_come_in_the_order_of_their_tiles(cores, count) -> None:
    assert Lanes(first)(tiles(count))[:, 0].tolist() == list(range(count))


def test_cores_are_shared_out_and_given_back(cores) -> None:
    seen: set[tuple[int, int]] = set()
    begun = threading.Barrier(min(cores, PIECES), timeout=10)

    def forward(piece: np.ndarray) -> torch.Tensor:
        begun.wait()  # for all lanes
        seen.add((threading.get_ident(), torch.get_num_threads()))
        return first(piece)

    lanes = Lanes(forward)
    for _ in range(2):
        lanes(tiles(PIECES))
    assert len(seen) == min(cores, PIECES)
    assert {threads for _, threads in seen} == {max(1, cores // PIECES)}
    assert torch.get_num_threads() == cores
    with ThreadPoolExecutor(1) as other:
        assert other.submit(torch.get_num_threads).result() == cores


def test_lanes_become_more_with_the_batch(cores) -> None:
    seen: set[int] = set()

    def forward(piece: np.ndarray) -> torch.Tensor:
        seen.add(torch.get_num_threads())
        return first(piece)

    lanes = Lanes(forward)
    lanes(tiles(1))
    assert seen == {cores}
    assert len(lanes(tiles(cores * PIECE_TILES))) == cores * PIECE_TILES
    assert seen == {cores, 1}


def test_pieces_do_not_depend_on_the_cores(cores) -> None:
    """Or the bytes of a bag would depend on the machine."""
    seen: list[int] = []

    def forward(piece: np.ndarray) -> torch.Tensor:
        seen.append(len(piece))
        return first(piece)

    Lanes(forward)(tiles(LAST_ALONE + 5))
    assert sorted(seen) == [1] * (LAST_ALONE + 1) + [2, 2]


def test_an_error_in_a_lane_is_told_and_the_cores_are_given_back(cores) -> None:
    def forward(piece: np.ndarray) -> torch.Tensor:
        if piece[0, 0, 0, 0] >= PIECE_TILES:
            raise ValueError("no memory")
        return first(piece)

    with pytest.raises(ValueError, match="no memory"):
        Lanes(forward)(tiles(3 * PIECE_TILES))
    assert torch.get_num_threads() == cores

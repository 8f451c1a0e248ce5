from __future__ import annotations

import numpy as np
import pytest
from tifffile import TiffFile

from experiments.benchmarks.pyramid import TILE, write_pyramid


@pytest.fixture
def slide(tmp_path):  # noqa: ANN201 - a path
    path = tmp_path / "A.svs"
    write_pyramid(path, 3000, radius=0.2, mpp=0.5, downsamples=(1, 4))
    return path


def test_levels_are_one_picture(slide) -> None:
    with TiffFile(slide) as file:
        assert [page.shape for page in file.pages] == [(3000, 3000, 3), (750, 750, 3)]
        assert "MPP = 0.5" in file.pages[0].description
        whole, small = (page.asarray() for page in file.pages)
    for picture, middle in ((whole, 1500), (small, 375)):
        assert picture[middle - 100 : middle + 100, middle - 100 : middle + 100].std() > 10
        assert picture[:50, :50].min() > 235


def test_its_size_hardly_grows(tmp_path, slide) -> None:
    write_pyramid(tmp_path / "B.svs", 60_000)
    assert (tmp_path / "B.svs").stat().st_size < 10 * slide.stat().st_size
    with TiffFile(tmp_path / "B.svs") as file:
        offsets = np.asarray(file.pages[0].dataoffsets)
    assert len(offsets) == (-(-60_000 // TILE)) ** 2
    assert len(np.unique(offsets)) < 20

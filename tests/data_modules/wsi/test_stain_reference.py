from __future__ import annotations

import numpy as np
import pytest

from data_modules.wsi.stain_reference import tiatoolbox_macenko
from experiments.benchmarks.stain import generated_tiles


@pytest.mark.slow
def test_an_image_that_is_its_own_target_stays_and_is_not_written_into() -> None:
    pytest.importorskip("tiatoolbox")
    image = generated_tiles(1)[0]
    image[0, 0] = 0
    before = image.copy()
    same = tiatoolbox_macenko(image.reshape(-1, 3))(image)
    assert (image == before).all()
    assert np.abs(same.astype(int) - image).mean() < 3

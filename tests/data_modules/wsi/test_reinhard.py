from __future__ import annotations

import numpy as np
import pytest

from data_modules.wsi.reinhard import (
    FROM_CONES,
    FROM_LAB,
    LAB_REFERENCE,
    lab_statistics,
    moved_in_lab,
    to_lab,
)

RNG = np.random.default_rng(0)


def test_the_way_into_the_space_and_back_is_exact() -> None:
    pixels = RNG.integers(1, 255, (500, 3)).astype(np.uint8)
    back = np.exp(to_lab(pixels) @ FROM_LAB) @ FROM_CONES
    assert back == pytest.approx(pixels.astype(float), rel=1e-3, abs=0.05)


def test_mean_and_spread_become_those_of_the_target() -> None:
    pixels = RNG.normal((150, 90, 140), 12, (4000, 3)).clip(1, 180).astype(np.uint8)
    target = lab_statistics(RNG.normal((120, 70, 120), 8, (4000, 3)).clip(1, 180).astype(np.uint8))
    found = lab_statistics(moved_in_lab(pixels, lab_statistics(pixels), target))
    assert found.mean == pytest.approx(target.mean, abs=0.01)
    assert found.spread == pytest.approx(target.spread, rel=0.05)


def test_between_tissue_and_glass_there_is_no_edge() -> None:
    ramp = np.repeat(np.arange(120, 256, dtype=np.uint8)[:, None], 3, axis=1)
    source = lab_statistics(RNG.integers(60, 160, (900, 3)).astype(np.uint8))
    moved = moved_in_lab(ramp, source, LAB_REFERENCE).astype(int)
    assert np.array_equal(moved[-26:], ramp[-26:])
    assert np.abs(np.diff(moved, axis=0)).max() <= 8

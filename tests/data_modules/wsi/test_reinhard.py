from __future__ import annotations

import numpy as np
import pytest

from data_modules.wsi.density import recoloured
from data_modules.wsi.reinhard import LAB_REFERENCE, LabStatistics, in_lab, lab_statistics


@pytest.fixture
def pixels() -> np.ndarray:
    rng = np.random.default_rng(0)
    return np.clip(rng.normal((170, 110, 150), (18, 20, 12), (4000, 3)), 60, 200).astype(np.uint8)


def test_mean_and_spread_become_those_of_the_target(pixels) -> None:
    other = LabStatistics(LAB_REFERENCE.mean, LAB_REFERENCE.spread / 3)
    found = lab_statistics(recoloured(pixels, in_lab(lab_statistics(pixels), other)))
    assert np.allclose(found.mean, other.mean, atol=0.02)
    assert np.allclose(found.spread, other.spread, rtol=0.1)


def test_equals_the_paper_written_out(pixels) -> None:
    cones = np.array([[0.3811, 0.5783, 0.0402], [0.1967, 0.7244, 0.0782], [0.0241, 0.1288, 0.8444]])
    scale = np.diag([1 / 3**0.5, 1 / 6**0.5, 1 / 2**0.5])
    turn = scale @ np.array([[1, 1, 1], [1, 1, -2], [1, -1, 0]])
    own = lab_statistics(pixels)
    lab = np.log(pixels @ cones.T) @ turn.T
    moved = (lab - lab.mean(0)) / lab.std(0) * LAB_REFERENCE.spread + LAB_REFERENCE.mean
    expected = np.exp(moved @ np.linalg.inv(turn).T) @ np.linalg.inv(cones).T
    found = in_lab(own, LAB_REFERENCE)(pixels)
    assert np.abs(found - np.clip(expected, 0, 255)).max() <= 0.75


def test_pixels_of_one_colour_have_a_spread_to_divide_by() -> None:
    one = lab_statistics(np.full((50, 3), 90, np.uint8))
    assert np.isfinite(in_lab(one, LAB_REFERENCE)(np.full((5, 3), 90, np.uint8))).all()


def test_numbers_are_told() -> None:
    assert str(LAB_REFERENCE).startswith("lαβ mean (8.7411, -0.1244, 0.0445) sd (0.6135")

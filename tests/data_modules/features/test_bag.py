from __future__ import annotations

from data_modules.features import empty_bag


def test_an_empty_bag_has_a_width_and_no_patches() -> None:
    bag = empty_bag(7)
    assert bag.features.shape == (0, 7)
    assert bag.coords.shape == (0, 2)
    assert bag.slide.shape == (0,)

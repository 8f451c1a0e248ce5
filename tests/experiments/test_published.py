from __future__ import annotations

import statistics

import pytest

from experiments.published import BRIER_ARM, C_INDEX, published


@pytest.mark.parametrize("name", C_INDEX)
def test_means_and_spreads_are_those_of_the_folds(name) -> None:
    """As printed, from more digits: of a sample or of a population, within a unit of the last."""
    column = C_INDEX[name]
    assert column.mean == pytest.approx(statistics.fmean(column.folds), abs=0.011)
    low, high = statistics.pstdev(column.folds), statistics.stdev(column.folds)
    assert low - 0.01 <= column.sd <= high + 0.01


def test_the_order_of_words_does_not_matter() -> None:
    assert published("clinical+genes+image@maxvit") is C_INDEX[BRIER_ARM]
    assert published("image@uni") is None
    assert published("image+genes+clinical") is None

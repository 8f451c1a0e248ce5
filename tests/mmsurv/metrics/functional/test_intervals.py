from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from mmsurv.metrics.functional import corrected_resampled, holm

VALUES = np.array([0.71, 0.65, 0.74, 0.69, 0.66])
chances = st.lists(st.floats(0, 1), max_size=8)


def test_without_the_correction_it_is_the_t_test() -> None:
    ours = corrected_resampled(VALUES, test_share=1e-12, hypothesis=0.6)
    theirs = stats.ttest_1samp(VALUES, 0.6)
    interval = theirs.confidence_interval(0.95)
    assert ours[:4] == pytest.approx((VALUES.mean(), *interval, theirs.pvalue))


def test_the_correction_widens_as_its_equation_says() -> None:
    plain = corrected_resampled(VALUES, test_share=1e-12)
    wide = corrected_resampled(VALUES, test_share=0.25)
    ratio = (wide.upper - wide.lower) / (plain.upper - plain.lower)
    assert ratio == pytest.approx(math.sqrt((1 / 5 + 1 / 4) * 5))


def test_repeats_cannot_make_the_interval_vanish() -> None:
    often = corrected_resampled(np.tile(VALUES, 1000), test_share=0.25)
    assert often.upper - often.value > 1.9 * math.sqrt(0.25) * VALUES.std()


def test_what_cannot_be_computed_is_nan_with_a_reason() -> None:
    lost = corrected_resampled(np.array([0.7, np.nan]), test_share=0.25)
    assert math.isnan(lost.value)
    assert lost.reason == "1 of 2 folds have no value"
    single = corrected_resampled(np.array([0.7]), test_share=0.25)
    assert single.value == 0.7
    assert math.isnan(single.lower)
    assert single.reason
    assert corrected_resampled(np.array([]), test_share=0.25).reason == "no fold"
    same = corrected_resampled(np.zeros(5), test_share=0.25)
    assert same == (0.0, 0.0, 0.0, 1.0, "")


@pytest.mark.parametrize("change", [{"test_share": 0.0}, {"test_share": 0.25, "level": 1.0}])
def test_wrong_arguments_are_named(change) -> None:
    with pytest.raises(ValueError, match="must be"):
        corrected_resampled(VALUES, **change)
    with pytest.raises(ValueError, match="p values must be in"):
        holm(np.array([1.2]))


def test_holm_equals_the_example_of_r() -> None:
    # What R's p.adjust gives for these five.
    adjusted = holm(np.array([0.05, 0.01, 0.04, 0.02, 0.03]))
    assert adjusted == pytest.approx([0.09, 0.05, 0.09, 0.08, 0.09])


@given(chances)
def test_holm_keeps_the_order_and_lies_between_nothing_and_bonferroni(values) -> None:
    p = np.array(values)
    adjusted = holm(p)
    assert (adjusted >= p).all()
    assert (adjusted <= np.minimum(1, len(p) * p) + 1e-15).all()
    assert (np.diff(adjusted[np.argsort(p, kind="stable")]) >= 0).all()


def test_holm_does_not_count_what_is_missing() -> None:
    p = np.array([0.01, np.nan, 0.04])
    adjusted = holm(p)
    assert math.isnan(adjusted[1])
    assert adjusted[[0, 2]].tolist() == holm(p[[0, 2]]).tolist()

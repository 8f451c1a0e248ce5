from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from experiments.sweeping.parameters import KINDS, Parameter, flag

LIMITS = (("min", 0.5), ("max", 8.0))
NUMERIC = {
    "int_uniform": (("min", 2), ("max", 9)),
    "uniform": LIMITS,
    "q_uniform": (*LIMITS, ("q", 0.25)),
    "log_uniform_values": LIMITS,
    "q_log_uniform_values": (*LIMITS, ("q", 0.25)),
    "inv_log_uniform_values": LIMITS,
    "normal": (("mu", 1.0), ("sigma", 2.0)),
    "q_normal": (("mu", 1.0), ("sigma", 2.0), ("q", 0.5)),
    "log_normal": (("mu", 1.0), ("sigma", 0.5)),
    "q_log_normal": (("mu", 1.0), ("sigma", 0.5), ("q", 0.5)),
    "beta": (("a", 2.0), ("b", 3.0)),
    "q_beta": (("a", 2.0), ("b", 3.0), ("q", 0.1)),
}
REFERENCE = {
    "uniform": stats.uniform(0.5, 7.5),
    "log_uniform_values": stats.loguniform(0.5, 8.0),
    "inv_log_uniform_values": stats.loguniform(0.5, 8.0),
    "normal": stats.norm(1, 2),
    "log_normal": stats.lognorm(0.5, scale=math.e),
    "beta": stats.beta(2, 3),
}


def test_every_numeric_kind_is_tried() -> None:
    assert set(NUMERIC) | {"constant", "categorical", "categorical_w_probabilities"} == set(KINDS)


@pytest.mark.parametrize("kind", NUMERIC)
@given(share=st.floats(0, 1))
def test_what_the_optimiser_stores_lies_in_its_space_and_gives_a_value(kind, share) -> None:
    parameter = Parameter("p", kind, numbers=NUMERIC[kind])
    raw = parameter.raw_at(share)
    assert parameter.distribution()._contains(raw)
    value = parameter.value_of(raw)
    number = dict(NUMERIC[kind])
    if "q" in number:
        assert value / number["q"] == pytest.approx(round(value / number["q"]))
    elif "min" in number:
        assert number["min"] - 1e-9 <= value <= number["max"] + 1e-9


@pytest.mark.parametrize("kind", REFERENCE)
def test_values_follow_the_distribution_that_the_file_names(kind) -> None:
    parameter = Parameter("p", kind, numbers=NUMERIC[kind])
    shares = np.random.default_rng(0).random(2000)
    values = [parameter.value_of(parameter.raw_at(u)) for u in shares]
    assert stats.kstest(values, REFERENCE[kind].cdf).pvalue > 0.01


def test_listed_values_come_as_often_as_their_probabilities() -> None:
    parameter = Parameter("p", "categorical_w_probabilities", (1, 2), probabilities=(0.2, 0.8))
    shares = np.linspace(0, 1, 1001)[:-1]
    drawn = [parameter.value_of(parameter.raw_at(u)) for u in shares]
    assert drawn.count(1) == 200


def test_whole_steps_give_whole_numbers() -> None:
    parameter = Parameter("p", "q_uniform", numbers=(("min", 8), ("max", 64), ("q", 8)))
    values = [parameter.value_of(raw) for raw in parameter.grid()]
    assert values == [8, 16, 24, 32, 40, 48, 56, 64]
    assert all(isinstance(value, int) for value in values)
    assert flag("model.width", values[0]) == "--model.width=8"


def test_lists_booleans_and_nothing_come_back_as_they_went() -> None:
    parameter = Parameter("p", "categorical", (["image", "genes"], True, 3e-05, "mean"))
    for value in parameter.values:
        found = parameter.value_of(str(value))
        assert found == value
        assert type(found) is type(value)
    assert parameter.examples() == list(parameter.values)


def test_only_what_ends_makes_a_grid() -> None:
    assert Parameter("p", "int_uniform", numbers=(("min", 1), ("max", 3))).grid() == [1, 2, 3]
    assert Parameter("p", "uniform", numbers=LIMITS).grid() == []

from __future__ import annotations

import itertools

import pytest
from optuna.trial import TrialState

from experiments.sweeping.study import MOST_ATTEMPTS, claim, grid_size, open_study, twin

RATE = {"optim.lr": {"distribution": "log_uniform_values", "min": 1.0e-5, "max": 1.0e-2}}
WIDE = RATE | {"pooling": {"values": ["mean", "abmil"]}}


def _claims(order, tell: float | None = 1.0) -> list[dict]:
    found = []
    while taken := claim(order.folder, order.sweep, count=order.total, seed=order.seed):
        found.append(taken.values)
        if tell is not None:
            open_study(order.folder, order.sweep).tell(taken.number, tell + taken.number)
        taken.lock.close()
    return found


def test_a_grid_is_every_combination_once(order) -> None:
    made = order()
    assert grid_size(made.sweep) == 4
    pairs = [tuple(values.values()) for values in _claims(made)]
    assert sorted(pairs) == sorted(itertools.product([0.0, 0.5], ["mean", "abmil"]))


def test_random_depends_on_seed_and_number_alone(order, tmp_path) -> None:
    made = order(method="random", parameters=WIDE, count=5)
    first = _claims(made)
    again = made._replace(folder=tmp_path / "again")
    again.folder.mkdir()
    # Another agent holds every second one: the values are the same all the same.
    held = [claim(again.folder, again.sweep, count=5, seed=0) for _ in range(5)]
    assert [taken.values for taken in held] == first
    assert len({values["optim.lr"] for values in first}) == 5
    for taken in held:
        taken.lock.close()
    other = made._replace(folder=tmp_path / "other", seed=1)
    other.folder.mkdir()
    assert _claims(other) != first


def test_bayes_finds_the_better_half(order) -> None:
    made = order(method="bayes", parameters=WIDE, count=30)
    rates = []
    while taken := claim(made.folder, made.sweep, count=30, seed=0):
        rates.append(taken.values["optim.lr"])
        open_study(made.folder, made.sweep).tell(taken.number, abs(rates[-1] - 3e-3))
        taken.lock.close()
    late = sum(rate > 1e-3 for rate in rates[15:])
    assert late > sum(rate > 1e-3 for rate in rates[:10]) + 3


def test_one_configuration_is_never_given_to_two(order) -> None:
    made = order()
    held = [claim(made.folder, made.sweep, count=4, seed=0) for _ in range(5)]
    assert held[4] is None
    assert [taken.number for taken in held[:4]] == [0, 1, 2, 3]
    held[2].lock.close()
    again = claim(made.folder, made.sweep, count=4, seed=0)
    assert (again.number, again.values) == (2, held[2].values)
    for taken in [*held[:2], held[3], again]:
        taken.lock.close()


def test_what_kills_its_process_again_and_again_is_given_up(order) -> None:
    made = order(count=1)
    for _ in range(MOST_ATTEMPTS):
        taken = claim(made.folder, made.sweep, count=1, seed=0)
        assert taken.number == 0
        taken.lock.close()
    assert claim(made.folder, made.sweep, count=1, seed=0) is None
    (trial,) = open_study(made.folder, made.sweep).get_trials()
    assert trial.state == TrialState.FAIL
    assert "died 3 times" in trial.user_attrs["reason"]


def test_a_twin_is_a_finished_configuration_with_the_same_values(order) -> None:
    made = order()
    _claims(made)
    study = open_study(made.folder, made.sweep)
    values = {"model.dropout": 0.5, "pooling": "mean"}
    assert twin(study, made.sweep, 9, values).value == pytest.approx(3.0)
    assert twin(study, made.sweep, 9, values | {"pooling": "latent"}) is None

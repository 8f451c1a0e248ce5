from __future__ import annotations

import errno
import json
import os
from functools import partial

import pandas as pd
import pytest

from experiments import cross_validation
from experiments.fan_out import fan_out
from experiments.sweeping import agent
from experiments.sweeping.agent import Interrupted, Stopped, run_folder, serve
from experiments.sweeping.board import leaderboard
from experiments.sweeping.study import MOST_ATTEMPTS, open_study


class Killed(BaseException):
    """Stands in for a signal."""


def _scores(order, number: int) -> dict:
    return json.loads((run_folder(order.folder, number) / "metrics.json").read_text())


def test_every_configuration_is_run_with_its_values_and_told(order, capsys) -> None:
    made = order()
    assert serve(made, 0) == 4
    for trial in open_study(made.folder, made.sweep).get_trials():
        assert trial.value == _scores(made, trial.number)["inner"]["loss"]["mean"]
        config = (run_folder(made.folder, trial.number) / "config.yaml").read_text()
        assert f"pooling: {trial.params['pooling']}" in config
        assert f"dropout: {trial.params['model.dropout']}" in config
    printed = capsys.readouterr().out
    assert "configuration 4 of 4: cv/inner_loss" in printed
    assert "--model.dropout=0.5" in printed
    assert "fold1 of 2" in (made.folder / "logs" / "0000.txt").read_text()


def test_finished_configurations_are_not_run_again(order) -> None:
    made = order(count=2)
    assert serve(made, 0) == 2
    before = (run_folder(made.folder, 0) / "metrics.json").stat().st_mtime_ns
    assert serve(made, 0) == 0
    assert serve(made._replace(total=3), 0) == 1
    assert (run_folder(made.folder, 0) / "metrics.json").stat().st_mtime_ns == before


@pytest.mark.parametrize("step", ["one_by_one", "write_json"])
def test_a_killed_configuration_goes_on_where_it_was(order, monkeypatch, step) -> None:
    made = order(count=1)

    def kill(*rest: object, **named: object) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(cross_validation, step, kill)
        with pytest.raises(Killed):
            serve(made, 0)
    assert not (run_folder(made.folder, 0) / "metrics.json").exists()
    assert serve(made, 0) == 1
    (trial,) = open_study(made.folder, made.sweep).get_trials()
    assert trial.value == _scores(made, 0)["inner"]["loss"]["mean"]
    assert trial.user_attrs["attempts"] == 2


def test_a_killed_agent_that_had_only_to_tell_runs_nothing_again(order, monkeypatch) -> None:
    made = order(count=1)
    run = agent._run

    def kill(*rest: object) -> str:
        run(*rest)
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(agent, "_run", kill)
        with pytest.raises(Killed):
            serve(made, 0)
    with monkeypatch.context() as patch:
        patch.setattr("experiments.run.main", kill)
        assert serve(made, 0) == 1


def test_a_configuration_that_cannot_run_is_told_with_its_reason(order) -> None:
    made = order(parameters={"endpoint": {"values": ["OS", "XYZ"]}}, count=2)
    assert serve(made, 0) == 2
    board = leaderboard(made.folder, made.sweep)
    assert board["state"].tolist() == ["ranked", "failed"]
    assert "XYZ" in board["reason"].iloc[1]


@pytest.mark.parametrize("step", ["one_by_one", "write_json"])
def test_a_full_disk_is_no_fault_of_a_configuration(order, monkeypatch, step) -> None:
    made = order(count=2)

    def full(*rest: object, **named: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "metrics.json")

    with monkeypatch.context() as patch:
        patch.setattr(cross_validation, step, full)
        # However often it is tried before somebody frees some space.
        for _ in range(MOST_ATTEMPTS + 1):
            with pytest.raises(Interrupted, match=r"configuration 1: .*No space left.* goes on"):
                serve(made, 0)
    assert leaderboard(made.folder, made.sweep)["state"].tolist() == ["unfinished"]
    assert serve(made, 0) == 2
    assert leaderboard(made.folder, made.sweep)["state"].tolist() == ["ranked", "ranked"]


def test_what_fills_the_memory_is_tried_again_by_the_next_calls_and_then_given_up(
    order, monkeypatch
) -> None:
    made = order(count=2)

    def out_of_memory(*rest: object, **named: object) -> None:
        raise MemoryError("no room")

    with monkeypatch.context() as patch:
        patch.setattr(cross_validation, "one_by_one", out_of_memory)
        for _ in range(MOST_ATTEMPTS):
            with pytest.raises(Interrupted, match="no room"):
                serve(made, 0)
    assert serve(made, 0) == 1
    assert leaderboard(made.folder, made.sweep)["state"].tolist() == ["ranked", "failed"]


def test_the_same_values_are_not_run_twice(order, capsys) -> None:
    made = order(method="random", parameters={"pooling": {"values": ["mean", "abmil"]}}, count=5)
    assert serve(made, 0) == 5
    assert "the same as configuration" in capsys.readouterr().out
    assert len(list((made.folder / "runs").iterdir())) == 2
    assert len(leaderboard(made.folder, made.sweep)) == 2


def test_a_hopeless_configuration_is_given_up_between_folds(order) -> None:
    stop = {"type": "hyperband", "min_iter": 1, "eta": 2}
    # A learning rate of 100 spoils every fold.
    rates = {"optim.lr": {"values": [1e-3, 2e-3, 3e-3, 4e-3, 5e-3, 100.0]}}
    flags = [
        "--toy.patients=40", "--toy.patches_min=2", "--toy.patches_max=4", "--toy.censoring=0.2",
        "--folds=3", "--trainer.max_epochs=1", "--trainer.threads=1", "--model.heads=2",
        "--model.width=8", "--modalities=[genes]", "--baselines=false",
    ]  # fmt: skip
    made = order(parameters=rates, early_terminate=stop, flags=flags, count=6)
    assert serve(made, 0) == 6
    board = leaderboard(made.folder, made.sweep)
    # The first two have nobody to be worse than.
    assert set(board["configuration"][board["state"] == "ranked"]) >= {1, 2}
    (last,) = (row for _, row in board.iterrows() if row["optim.lr"] == 100.0)
    assert last["state"] == "stopped"
    assert "after 2 folds, 1 to come" in last["reason"]
    assert pd.isna(last["cv/inner_loss"])
    assert not (run_folder(made.folder, 5) / "fold2").exists()
    assert serve(made, 0) == 0


def test_without_early_termination_nothing_is_given_up(order) -> None:
    made = order(parameters={"optim.lr": {"values": [1e-3, 100.0]}}, count=2)
    assert serve(made, 0) == 2
    assert (leaderboard(made.folder, made.sweep)["state"] == "ranked").all()


def test_a_stop_is_no_failure_of_the_run() -> None:
    assert not issubclass(Stopped, ValueError)


@pytest.mark.slow
def test_two_processes_share_the_work(order, forking) -> None:
    made = order()
    with forking():
        ran = dict(fan_out(partial(serve, made), range(2), jobs=2))
    assert sum(ran.values()) == 4, ran
    assert (leaderboard(made.folder, made.sweep)["state"] == "ranked").all()

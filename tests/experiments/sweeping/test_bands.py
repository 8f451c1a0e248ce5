from __future__ import annotations

import json
from pathlib import Path

import optuna
import pytest

from experiments.sweeping.bands import BandPruner, given_up
from experiments.sweeping.study import open_study
from experiments.sweeping.sweep_file import read_sweep

GOLDEN = Path(__file__).parents[2] / "golden" / "sweep_rules.json"
CASES = json.loads(GOLDEN.read_text(encoding="utf-8"))["hyperband"]

STATES = (optuna.trial.TrialState.COMPLETE, optuna.trial.TrialState.PRUNED)


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"eta{case['eta']}")
@pytest.mark.parametrize("goal", ["minimize", "maximize"])
def test_the_runs_that_wandb_stops_are_stopped(case, goal, tiny_sweep, tmp_path) -> None:
    """Through a study, as an agent asks it."""
    stop = {"type": "hyperband", "min_iter": 1, "eta": case["eta"]}
    metric = {"name": "cv/inner_loss", "goal": goal}
    study = open_study(tmp_path, read_sweep(tiny_sweep(early_terminate=stop, metric=metric)))
    assert isinstance(study.pruner, BandPruner)
    sign = -1 if goal == "maximize" else 1
    trials = [study.ask() for _ in case["courses"]]
    for trial, course in zip(trials, case["courses"], strict=True):
        for step, value in enumerate(course):
            trial.report(sign * value, step)
    found = [trial.number for trial in trials if trial.should_prune()]
    assert found == case["stopped"]


def test_the_first_runs_have_nobody_to_be_worse_than() -> None:
    assert not given_up([9.0, 9.0], [[9.0, 9.0]], (1,), 2)
    assert not given_up([9.0], [[9.0], [1.0], [1.0]], (1,), 2)


def test_finished_and_stopped_runs_count() -> None:
    study = optuna.create_study(pruner=BandPruner((0,), 2))
    for value, stopped in ((1.0, False), (2.0, True)):
        trial = study.ask()
        trial.report(value, 0)
        study.tell(trial, None if stopped else value, state=STATES[stopped])
    late = study.ask()
    late.report(3.0, 0)
    assert late.should_prune()

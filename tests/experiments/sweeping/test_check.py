from __future__ import annotations

from pathlib import Path

import pytest

import experiments
from data_modules.problems import BadInput
from experiments.parsing import parse_run
from experiments.sweeping.check import check_sweep, known_flags
from experiments.sweeping.parameters import flag
from experiments.sweeping.sweep_file import read_sweep

SWEEPS = sorted((Path(experiments.__file__).parent / "sweeps").glob("*.yaml"))


@pytest.mark.parametrize("path", SWEEPS, ids=lambda path: path.stem)
def test_every_value_of_every_sweep_goes_through_the_parser(path) -> None:
    sweep = read_sweep(path)
    check_sweep(path, sweep, [])
    for parameter in sweep.parameters:
        for value in parameter.examples():
            config = parse_run([*sweep.flags, flag(parameter.name, value)])
            found = config
            for name in parameter.name.split("."):
                found = getattr(found, name)
            assert found == (tuple(value) if isinstance(value, list) else value)


def test_what_the_agent_writes_is_what_is_checked() -> None:
    """Against the function with which W&B's agent makes the command line."""
    from wandb.sdk.launch.sweeps.utils import create_sweep_command_args

    values = {"optim.lr": 3e-05, "modalities": ["image", "genes"], "data.cache": True, "seed": 3}
    made = create_sweep_command_args({"args": {k: {"value": v} for k, v in values.items()}})
    assert made["args"] == [flag(name, value) for name, value in values.items()]
    config = parse_run(made["args"])
    assert config.optim.lr == 3e-05
    assert config.modalities == ("image", "genes")
    assert config.data.cache is True


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"parameters": {"lr": {"values": [0.1]}}}, "did you mean optim.lr?"),
        ({"parameters": {"poling": {"values": ["mean"]}}}, "did you mean pooling?"),
        ({"parameters": {"out": {"values": ["a"]}}}, "belongs to the single run"),
        ({"parameters": {"wandb.project": {"values": ["a"]}}}, "no flag that a sweep can vary"),
        ({"parameters": {"pooling": {"values": ["mean", "max"]}}}, "'max'"),
        ({"parameters": {"model.width": {"values": [8.5]}}}, "8.5"),
        ({"parameters": {"seed": {"values": [None]}}}, "None"),
        ({"parameters": {"model.heads": {"values": [3]}}}, "does not divide"),
        ({"parameters": {"loss": {"values": ["cox"]}}}, "changes what the loss means"),
        ({"metric": {"name": "cv/iner_loss"}}, "no run logs it; did you mean cv/inner_loss?"),
        ({"metric": {"name": "accuracy"}}, "no run logs it; use cv/inner_loss"),
        ({"metric": {"name": "cv/c_index", "goal": "maximize"}}, "a score of outer folds"),
        ({"metric": {"name": "fold0/val/loss"}}, "one fold's alone"),
        ({"metric": {"name": "cv/inner_loss", "goal": "maximize"}}, "minimize it"),
        ({"parameters": {"protocol": {"values": ["paper"]}}}, "logs no cv/inner_loss"),
        ({"method": "bayes", "parameters": {"protocol": {"values": ["nested", "paper"]}}},
         "search under protocol nested"),
        ({"command": ["${env}", "${interpreter}", "-m", "experiments.run", "--fusoin=concat",
                      "${args}"]}, "--fusoin=concat"),
    ],
)  # fmt: skip
def test_a_sweep_that_would_fail_later_is_refused_now(tiny_sweep, changed, told) -> None:
    path = tiny_sweep(**changed)
    with pytest.raises(BadInput) as refused:
        check_sweep(path, read_sweep(path), [])
    assert told in str(refused.value)


def test_a_grid_may_stand_both_protocols_side_by_side(tiny_sweep) -> None:
    path = tiny_sweep(parameters={"protocol": {"values": ["nested", "paper"]}})
    check_sweep(path, read_sweep(path), [])


def test_a_flag_cannot_be_fixed_and_swept(tiny_sweep) -> None:
    path = tiny_sweep()
    with pytest.raises(BadInput, match="pooling: is swept"):
        check_sweep(path, read_sweep(path), ["--pooling=mean"])
    with pytest.raises(BadInput, match=r"--optim\.lrr"):
        check_sweep(path, read_sweep(path), ["--optim.lrr=1"])


def test_groups_are_no_flags_of_their_own() -> None:
    assert "optim.lr" in known_flags()
    assert "optim" not in known_flags()

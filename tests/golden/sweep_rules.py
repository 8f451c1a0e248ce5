"""Asks W&B's own package for sweep files (sweeps 0.2.0) what it accepts.

    python -m venv oracle && oracle/bin/pip install sweeps==0.2.0
    oracle/bin/python tests/golden/sweep_rules.py > tests/golden/sweep_rules.json

The server also accepts run_cap, which the package does not know: it is not among the cases, and is
left out of the shipped files. Run from the root of the repository.
"""

import hashlib
import json
import sys
import warnings
from pathlib import Path

import yaml

warnings.simplefilter("ignore")
from sweeps.hyperband_stopping import hyperband_stop_runs  # noqa: E402
from sweeps.config import schema_violations_from_proposed_config  # noqa: E402
from sweeps.run import RunState, SweepRun  # noqa: E402

PARAMETERS = {
    "value": {"value": 3},
    "value_null": {"value": None},
    "values": {"values": [1, 2]},
    "values_of_lists": {"values": [["image"], ["image", "genes"]]},
    "values_empty": {"values": []},
    "values_and_min": {"values": [1], "min": 0},
    "probabilities": {"values": [1, 2], "probabilities": [0.3, 0.7]},
    "probabilities_short": {"values": [1, 2], "probabilities": [1.0]},
    "probabilities_not_one": {"values": [1, 2], "probabilities": [0.3, 0.3]},
    "int_uniform_guessed": {"min": 1, "max": 5},
    "uniform_guessed": {"min": 0.0, "max": 1.0},
    "uniform": {"distribution": "uniform", "min": 0, "max": 1},
    "uniform_backwards": {"distribution": "uniform", "min": 1, "max": 0},
    "uniform_without_max": {"distribution": "uniform", "min": 1},
    "uniform_text": {"distribution": "uniform", "min": "1e-5", "max": 1},
    "int_uniform_fraction": {"distribution": "int_uniform", "min": 0.5, "max": 3},
    "q_uniform": {"distribution": "q_uniform", "min": 0, "max": 1, "q": 0.1},
    "q_uniform_zero": {"distribution": "q_uniform", "min": 0, "max": 1, "q": 0},
    "log_uniform_old": {"distribution": "log_uniform", "min": -5, "max": -1},
    "log_uniform_values": {"distribution": "log_uniform_values", "min": 1e-5, "max": 1e-1},
    "log_uniform_values_zero": {"distribution": "log_uniform_values", "min": 0, "max": 1},
    "q_log_uniform_values": {"distribution": "q_log_uniform_values", "min": 8, "max": 64, "q": 8},
    "inv_log_uniform_values": {"distribution": "inv_log_uniform_values", "min": 1, "max": 9},
    "normal": {"distribution": "normal", "mu": 0, "sigma": 2},
    "normal_default": {"distribution": "normal"},
    "q_normal": {"distribution": "q_normal", "mu": 0, "sigma": 2, "q": 0.5},
    "log_normal": {"distribution": "log_normal", "mu": 0, "sigma": 2},
    "q_log_normal": {"distribution": "q_log_normal", "mu": 0, "sigma": 2, "q": 1},
    "beta": {"distribution": "beta", "a": 2, "b": 3},
    "q_beta": {"distribution": "q_beta", "a": 2, "b": 3, "q": 0.1},
    "unknown_distribution": {"distribution": "gauss", "mu": 0},
    "unknown_key": {"values": [1], "vlaues": [2]},
    "empty": {},
}
TOP = {
    "plain": {},
    "unknown_key": {"metod": "grid"},
    "unknown_method": {"method": "annealing"},
    "no_method": {"method": None},
    "no_parameters": {"parameters": None},
    "goal": {"metric": {"name": "cv/inner_loss", "goal": "lowest"}},
    "metric_without_name": {"metric": {"goal": "minimize"}},
    "metric_unknown_key": {"metric": {"name": "cv/inner_loss", "gaol": "minimize"}},
    "hyperband": {"early_terminate": {"type": "hyperband", "min_iter": 1, "eta": 2}},
    "hyperband_max": {"early_terminate": {"type": "hyperband", "max_iter": 9, "s": 2}},
    "hyperband_bare": {"early_terminate": {"type": "hyperband"}},
    "hyperband_eta_one": {"early_terminate": {"type": "hyperband", "min_iter": 1, "eta": 1}},
    "median": {"early_terminate": {"type": "median", "min_iter": 1}},
    "command_text": {"command": "python run.py"},
}
BASE = {
    "name": "s",
    "program": "experiments/run.py",
    "command": ["${env}", "${interpreter}", "-m", "experiments.run", "${args}"],
    "method": "random",
    "metric": {"name": "cv/inner_loss", "goal": "minimize"},
    "parameters": {"optim.lr": {"distribution": "log_uniform_values", "min": 1e-5, "max": 1e-2}},
}


def accepted(content):
    try:
        return not schema_violations_from_proposed_config(json.loads(json.dumps(content)))
    except Exception:
        return False


def shipped(path):
    """The verdict on a file of experiments/sweeps, and on which bytes."""
    content = yaml.safe_load(path.read_text(encoding="utf-8"))
    left_out = [key for key in ("run_cap",) if content.pop(key, None) is not None]
    return {
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        "left_out": left_out,
        "violations": schema_violations_from_proposed_config(json.loads(json.dumps(content))),
    }


def stopped(courses, eta):
    """Which of the runs are stopped, each with its running scores so far."""
    runs = [
        SweepRun(name=str(i), state=RunState.running, sampledHistory=[{"m": v} for v in course])
        for i, course in enumerate(courses)
    ]
    config = {
        "method": "bayes",
        "metric": {"name": "m", "goal": "minimize"},
        "early_terminate": {"type": "hyperband", "min_iter": 1, "eta": eta},
        "parameters": {"a": {"values": [1]}},
    }
    return sorted(int(run.name) for run in hyperband_stop_runs(runs, config))


cases = []
for name, change in TOP.items():
    content = {k: v for k, v in (BASE | change).items() if v is not None}
    cases.append({"case": name, "content": content, "accepted": accepted(content)})
for name, parameter in PARAMETERS.items():
    content = BASE | {"parameters": {"model.dropout": parameter}}
    cases.append({"case": f"parameter_{name}", "content": content, "accepted": accepted(content)})
courses = [
    [3.0, 2.5, 2.0],
    [3.0, 2.6],
    [3.0, 2.9],
    [3.0, 3.1],
    [2.9],
    [3.0, 2.5, 2.4],
    [3.0, 2.7, 2.6],
]
bands = [{"courses": courses, "eta": eta, "stopped": stopped(courses, eta)} for eta in (2, 3)]
files = {path.name: shipped(path) for path in sorted(Path("experiments/sweeps").glob("*.yaml"))}
json.dump({"shipped": files, "cases": cases, "hyperband": bands}, sys.stdout, indent=1)

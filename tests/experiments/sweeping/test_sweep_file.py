from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest
import yaml

import experiments
from data_modules.problems import BadInput
from experiments.sweeping.sweep_file import EarlyStop, read_sweep

SWEEPS = sorted((Path(experiments.__file__).parent / "sweeps").glob("*.yaml"))
GOLDEN = Path(__file__).parents[2] / "golden" / "sweep_rules.json"
ORACLE = json.loads(GOLDEN.read_text(encoding="utf-8"))
RULES = ORACLE["cases"]


@pytest.mark.parametrize("case", RULES, ids=lambda case: case["case"])
def test_files_are_accepted_and_refused_as_by_wandb(case, tmp_path) -> None:
    path = tmp_path / "s.yaml"
    path.write_text(yaml.safe_dump(case["content"]), encoding="utf-8")
    if case["accepted"]:
        assert [p.name for p in read_sweep(path).parameters] == list(case["content"]["parameters"])
    else:
        with pytest.raises(BadInput):
            read_sweep(path)


def test_both_verdicts_are_among_the_rules() -> None:
    assert {case["accepted"] for case in RULES} == {True, False}


@pytest.mark.parametrize("path", SWEEPS, ids=lambda path: path.stem)
def test_every_shipped_file_is_one_that_wandb_accepted(path) -> None:
    """W&B's own package was asked about these very bytes."""
    verdict = ORACLE["shipped"][path.name]
    same = hashlib.sha256(path.read_bytes()).hexdigest() == verdict["sha256"]
    assert same, f"{path.name} has changed: make {GOLDEN.name} anew, as its script says"
    assert verdict["violations"] == []
    content = yaml.safe_load(path.read_text(encoding="utf-8"))
    # The server knows it, the package does not.
    assert set(verdict["left_out"]) == {"run_cap"} & set(content)


@pytest.mark.parametrize("path", SWEEPS, ids=lambda path: path.stem)
def test_every_parameter_of_every_sweep_is_read(path) -> None:
    content = yaml.safe_load(path.read_text(encoding="utf-8"))
    sweep = read_sweep(path)
    assert [p.name for p in sweep.parameters] == list(content["parameters"])
    assert sweep.name == path.stem
    assert sweep.metric.startswith("cv/inner_")
    assert sweep.run_cap == content.get("run_cap", 0)


def test_folds_are_the_iterations_of_hyperband(tiny_sweep) -> None:
    path = tiny_sweep(early_terminate={"type": "hyperband", "min_iter": 2, "eta": 4})
    assert read_sweep(path).early == EarlyStop((2, 8, 32, 128, 512), 4.0)
    path = tiny_sweep(early_terminate={"type": "hyperband", "max_iter": 9, "s": 2, "eta": 3})
    assert read_sweep(path).early == EarlyStop((1, 3), 3.0)


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"metod": "grid"}, "did you mean method"),
        ({"program": None}, "column program: is missing"),
        ({"metric": None}, "column metric: is missing"),
        ({"run_cap": 0}, "0 is no number of runs"),
        ({"method": "bayes", "parameters": {"seed": {"values": [1, 2],
          "probabilities": [0.5, 0.5]}}}, "bayes finds its own probabilities"),
        ({"parameters": {"optim": {"parameters": {"lr": {"value": 1}}}}}, "such as optim.lr"),
        ({"parameters": {"optim.lr": {"min": 0.1, "max": 0.2}}}, "a grid has no end"),
        ({"parameters": {"seed": {"values": [1, 1]}}}, "lists 1 twice"),
        ({"command": ["python", "run.py", "${args}"]}, "${interpreter}"),
        ({"command": ["${env}", "${interpreter}", "-m", "experiments.run",
          "${args_no_hyphens}"]}, "${args}"),
    ],
)  # fmt: skip
def test_what_no_run_could_be_started_from_is_refused(tiny_sweep, changed, told) -> None:
    with pytest.raises(BadInput) as refused:
        read_sweep(tiny_sweep(**changed))
    assert told in str(refused.value)


def test_everything_wrong_is_told_at_once(tiny_sweep) -> None:
    path = tiny_sweep(method="annealing", run_cap=-1, parameters={"seed": {}})
    with pytest.raises(BadInput) as refused:
        read_sweep(path)
    assert len(refused.value.problems) == 3


@pytest.mark.parametrize("text", ["", "just words", "a: [", "\x00"])
def test_a_file_that_is_no_sweep_is_refused(tmp_path, text) -> None:
    path = tmp_path / "s.yaml"
    path.write_text(text)
    with pytest.raises(BadInput, match=r"s\.yaml"):
        read_sweep(path)
    with pytest.raises(BadInput, match="nowhere"):
        read_sweep(tmp_path / "nowhere.yaml")

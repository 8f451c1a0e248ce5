from __future__ import annotations

import dataclasses
import json
import math

import numpy as np
import pandas as pd
import pytest
import yaml

from data_modules.problems import BadInput
from experiments import device, run_folder
from experiments.config import RunConfig
from experiments.config_parts import ModelConfig, OptimConfig
from experiments.run import main
from experiments.run_folder import (
    flat_config,
    open_run_folder,
    run_id,
    write_csv,
    write_json,
    write_start,
)

HASHES = {"data_hash": "d", "folds_hash": "f"}


class Killed(BaseException):
    """Stands in for a signal."""


@pytest.fixture
def started(tmp_path) -> RunConfig:
    """Configuration of a run that has begun in its folder."""
    config = RunConfig(out=str(tmp_path / "run"), optim=OptimConfig(lr=1e-05))
    write_start(config, tmp_path / "run", **HASHES)
    return config


def test_a_new_folder_is_not_made_before_it_is_needed(tmp_path) -> None:
    open_run_folder(RunConfig(), tmp_path / "new")
    assert not list(tmp_path.iterdir())


def test_the_start_tells_what_was_run_with_what(started, tmp_path) -> None:
    stored = yaml.safe_load((tmp_path / "run" / "config.yaml").read_text())
    assert stored["optim"] == {"lr": 1e-05, "weight_decay": 0.01, "fused": "off"}
    environment = json.loads((tmp_path / "run" / "environment.json").read_text())
    assert environment["seed"] == 0
    assert {environment["data_hash"], environment["folds_hash"]} == {"d", "f"}
    assert {"torch", "lightning", "numpy", "mmsurv"} <= set(environment["versions"])
    assert environment["commit"]
    assert run_id(tmp_path / "run") == environment["run_id"]
    assert not list((tmp_path / "run").glob(".*"))


def test_a_folder_with_anything_in_it_and_a_file_are_refused(started, tmp_path) -> None:
    with pytest.raises(BadInput, match="--resume"):
        open_run_folder(started, tmp_path / "run")
    (tmp_path / "file").write_text("mine")
    for resume in (True, False):
        with pytest.raises(BadInput, match="a file, not a folder"):
            open_run_folder(RunConfig(resume=resume), tmp_path / "file")


def test_what_moves_no_number_may_change_in_a_resumed_run(started, tmp_path) -> None:
    free = dataclasses.replace(started, resume=True, logger="csv", out="elsewhere")
    open_run_folder(free, tmp_path / "run")
    write_start(free, tmp_path / "run", **HASHES)
    assert yaml.safe_load((tmp_path / "run" / "config.yaml").read_text())["logger"] == "wandb"


def test_everything_else_is_refused_with_before_and_now(started, tmp_path) -> None:
    changed = dataclasses.replace(
        started, resume=True, seed=3, model=ModelConfig(width=32), horizons=(1.0,)
    )
    with pytest.raises(BadInput) as error:
        open_run_folder(changed, tmp_path / "run")
    text = str(error.value)
    for words in ("seed: the run was started with 0, now 3", "model.width", "64, now 32",
                  "horizons", "[5.0, 10.0], now [1.0]"):  # fmt: skip
        assert words in text
    assert "optim" not in text


@pytest.mark.parametrize("name", HASHES)
def test_changed_data_or_folds_are_noticed(started, tmp_path, name) -> None:
    with pytest.raises(BadInput, match=f"{name}: was ., is now other"):
        write_start(
            dataclasses.replace(started, resume=True),
            tmp_path / "run",
            **(HASHES | {name: "other"}),
        )


def test_another_kernel_of_attention_is_noticed(started, tmp_path, monkeypatch) -> None:
    resumed = dataclasses.replace(started, resume=True)
    monkeypatch.setattr(run_folder, "run_attention", lambda config: "varlen on cuda")
    with pytest.raises(BadInput, match="attention: was per_bag on cpu, is now varlen on cuda"):
        write_start(resumed, tmp_path / "run", **HASHES)
    # What other machines compute with is not known, and runs of earlier versions do not tell.
    monkeypatch.setattr(run_folder, "run_attention", lambda config: device.UNKNOWN)
    write_start(resumed, tmp_path / "run", **HASHES)
    file = tmp_path / "run" / "environment.json"
    content = json.loads(file.read_text())
    del content["attention"]
    file.write_text(json.dumps(content))
    monkeypatch.setattr(run_folder, "run_attention", lambda config: "varlen on cuda")
    write_start(resumed, tmp_path / "run", **HASHES)


def test_nothing_to_resume(tmp_path) -> None:
    with pytest.raises(BadInput, match="nothing to resume"):
        open_run_folder(RunConfig(resume=True), tmp_path)


@pytest.mark.parametrize("step", ["to_yaml", "write_json"])
def test_killed_while_the_folder_is_opened(run, finished, tmp_path, monkeypatch, step) -> None:
    def kill(*args: object) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(run_folder, step, kill)
        with pytest.raises(Killed):
            run(out="killed")
    again = run(out="killed") if step == "to_yaml" else main(["--resume", "--out", "killed"])
    assert again == 0
    for name in ("predictions.csv", "folds.csv"):
        assert (tmp_path / "killed" / name).read_bytes() == (finished / name).read_bytes()
    stored = yaml.safe_load((tmp_path / "killed" / "config.yaml").read_text())
    assert stored["resume"] is False


def test_a_half_written_file_of_a_killed_run_does_not_take_the_folder(tmp_path) -> None:
    (tmp_path / ".config.yaml.partial").write_text("coh")
    open_run_folder(RunConfig(), tmp_path)


def test_json_has_null_for_what_is_no_number(tmp_path) -> None:
    path = tmp_path / "a.json"
    write_json(path, {"a": [math.nan, (1.5,)], "b": {"c": math.nan}})
    assert json.loads(path.read_text()) == {"a": [None, [1.5]], "b": {"c": None}}
    with pytest.raises(ValueError, match="JSON"):
        write_json(path, {"a": math.inf})
    assert json.loads(path.read_text())["b"] == {"c": None}
    assert [p.name for p in tmp_path.iterdir()] == ["a.json"]


def test_flat_names_are_those_of_the_flags() -> None:
    flat = flat_config(RunConfig())
    assert flat["model.width"] == 64
    assert flat["horizons"] == [5.0, 10.0]
    assert not any(isinstance(value, dict) for value in flat.values())


def test_tables_keep_every_digit(tmp_path) -> None:
    random = np.random.default_rng(0)
    table = pd.DataFrame({"a": random.normal(size=2000) * 10.0 ** random.integers(-9, 9, 2000)})
    write_csv(table, tmp_path / "a.csv")
    assert (pd.read_csv(tmp_path / "a.csv")["a"] == table["a"]).all()
    assert [path.name for path in tmp_path.iterdir()] == ["a.csv"]

from __future__ import annotations

import json

from experiments.tracking.identity import identity, remember


def test_a_run_keeps_its_names_when_it_is_resumed(folder, config_of, monkeypatch) -> None:
    monkeypatch.setenv("WANDB_RUN_ID", "from-the-agent")
    first = identity(config_of(folder), folder)
    assert first.wandb_id == "from-the-agent"
    monkeypatch.delenv("WANDB_RUN_ID")
    remember(folder, mlflow="abc")
    again = identity(config_of(folder), folder)
    assert (again.wandb_id, again.mlflow_id) == ("from-the-agent", "abc")


def test_without_an_agent_the_name_is_that_of_the_content(folder, config_of, monkeypatch) -> None:
    monkeypatch.delenv("WANDB_RUN_ID", raising=False)
    environment = json.loads((folder / "environment.json").read_text())
    found = identity(config_of(folder), folder)
    assert found.wandb_id == environment["run_id"]
    assert found.described["data_hash"] == environment["data_hash"]
    assert found.described["commit"] == environment["commit"]

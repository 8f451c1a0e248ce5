from __future__ import annotations

import itertools
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
import wandb

import experiments
from experiments.dashboards.layout import report
from experiments.dashboards.picture import panels, plain, shown
from experiments.run import main
from experiments.sweeping.sweep_file import read_sweep

SWEEP = Path(experiments.__file__).parent / "sweeps" / "optimiser.yaml"


@pytest.fixture(scope="module")
def content() -> dict:
    made = report(entity="team", project="brca", arm="model.width", folds=2,
                  sweep=read_sweep(SWEEP))  # fmt: skip
    return made._to_model().model_dump(by_alias=True, exclude_none=True, mode="json")


def test_every_panel_that_a_group_wants_is_there(content) -> None:
    kinds = [panel["viewType"] for panel in panels(content)]
    assert kinds.count("Bar Chart") == 4
    assert kinds.count("Run History Line Plot") == 3
    for kind in ("Media Browser", "Parameter Importance", "Parallel Coordinates Plot"):
        assert kind in kinds
    headings = [
        b["children"][0]["text"] for b in content["spec"]["blocks"] if b["type"] == "heading"
    ]
    assert headings == [
        "C-index by arm", "Protocol gap", "Risk groups", "Learning curves by fold",
        "Sweep: optimiser",
    ]  # fmt: skip
    assert content["project"]["name"] == "brca"
    assert content["project"]["entityName"] == "team"


def test_every_name_in_a_panel_is_one_that_runs_log(
    content, toy_manifest, tmp_path, monkeypatch
) -> None:
    """Of a real run, from the file that its W&B client wrote: every key, under its full name."""
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.chdir(tmp_path)
    flags = [
        "--folds=2", "--trainer.max_epochs=1", "--trainer.threads=1", "--model.heads=2",
        "--model.width=8", "--modalities=[genes,clinical]", "--baselines=false",
    ]  # fmt: skip
    assert main(["--cohort", str(toy_manifest), "--out=run", "--logger=wandb", *flags]) == 0
    wandb.teardown()
    logged = _keys(tmp_path / "run")
    assert {"figures/kaplan_meier", "fold0/val/loss"} <= logged
    names = {plain(name) for panel in panels(content) for name in shown(panel)}
    assert len(names) > 15
    assert not names - logged


def _keys(folder: Path) -> set[str]:
    """Every key of the summary and the configuration, read by W&B's own reader.

    W&B keeps the last of everything that is logged in the summary, media too.
    """
    (file,) = folder.glob("wandb/offline-run-*/run-*.wandb")
    words = [str(Path(sys.executable).parent / "wandb"), "leet", "inspect", "--summary", "--json"]
    with tempfile.TemporaryFile("w+", encoding="utf-8") as printed:
        subprocess.run(
            [*words, str(file)], stdin=subprocess.DEVNULL, stdout=printed, timeout=120, check=True
        )
        printed.seek(0)
        found = json.loads(printed.read())
    return {*found["summary"], *found["config"]}


def test_flags_with_dots_are_named_as_runs_have_them(content) -> None:
    names = {name for panel in panels(content) for name in shown(panel)}
    assert "config:optim.lr.value" in names
    assert "config:model.width.value" in names


def test_arms_are_compared_under_the_protocol_nested_alone(content) -> None:
    grids = [b for b in content["spec"]["blocks"] if b["type"] == "panel-grid"]
    (first,) = grids[0]["metadata"]["runSets"]
    (rule,) = first["filters"]["filters"]
    assert (rule["key"]["name"], rule["op"], rule["value"]) == ("protocol", "=", "nested")
    (second,) = grids[1]["metadata"]["runSets"]
    assert second["filters"]["filters"] == []


def test_panels_of_a_grid_do_not_lie_over_each_other(content) -> None:
    for block in content["spec"]["blocks"]:
        if block["type"] != "panel-grid":
            continue
        boxes = [p["layout"] for p in block["metadata"]["panelBankSectionConfig"]["panels"]]
        assert all(box["x"] + box["w"] <= 24 for box in boxes)
        for a, b in itertools.combinations(boxes, 2):
            apart = a["x"] + a["w"] <= b["x"] or b["x"] + b["w"] <= a["x"]
            apart = apart or a["y"] + a["h"] <= b["y"] or b["y"] + b["h"] <= a["y"]
            assert apart, (a, b)

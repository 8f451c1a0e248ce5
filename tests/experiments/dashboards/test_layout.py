from __future__ import annotations

import itertools
import json
from pathlib import Path

import pandas as pd
import pytest

import experiments
from experiments.config import RunConfig
from experiments.dashboards.layout import report
from experiments.dashboards.picture import panels, plain, shown
from experiments.inner_scores import flat_inner, inner_so_far
from experiments.run_folder import flat_config
from experiments.scores import flat_summary
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


def test_every_name_in_a_panel_is_one_that_runs_log(content, finished) -> None:
    """Of a real run: its summary, its curves, its pictures and its configuration."""
    scores = json.loads((finished / "metrics.json").read_text())
    logged = set(flat_summary(scores) | flat_inner(scores["inner"]))
    logged |= {f"cv/{name}" for name in inner_so_far({}, {}, "paper")}
    for fold in (0, 1):
        columns = pd.read_csv(finished / f"fold{fold}" / "history.csv").columns
        logged |= {f"fold{fold}/{name}" for name in columns}
    logged |= {path.stem for path in (finished / "figures").glob("*.png")}
    logged |= flat_config(RunConfig()).keys()
    names = {plain(name) for panel in panels(content) for name in shown(panel)}
    assert len(names) > 15
    assert not names - logged


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

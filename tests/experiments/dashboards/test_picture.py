from __future__ import annotations

from pathlib import Path

import pytest
from matplotlib.image import imread

import experiments
from experiments.dashboards.layout import report
from experiments.dashboards.picture import draw, panels
from experiments.sweeping.sweep_file import read_sweep

ROOM = Path(experiments.__file__).parent
DOCS = ROOM.parent / "docs"


@pytest.fixture(scope="module")
def content() -> dict:
    sweep = read_sweep(ROOM / "sweeps" / "optimiser.yaml")
    made = report(entity="e", project="mmsurv", arm="fusion", folds=5, sweep=sweep)
    return made._to_model().model_dump(by_alias=True, exclude_none=True, mode="json")


def test_every_panel_and_heading_is_drawn(content, tmp_path) -> None:
    draw(content, tmp_path / "a.svg")
    text = (tmp_path / "a.svg").read_text(encoding="utf-8")
    titles = [p["config"].get("chartTitle") for p in panels(content)]
    assert len(titles) == 15
    for title in [*filter(None, titles), "Protocol gap", "Risk groups"]:
        assert title.replace("&", "&amp;") in text, title


def test_a_picture_is_a_png_where_it_is_asked_to_be(content, tmp_path) -> None:
    draw(content, tmp_path / "a.png")
    assert imread(tmp_path / "a.png").shape[1] > 600


def test_the_picture_of_the_documentation_is_the_one_that_is_built(content, tmp_path) -> None:
    draw(content, tmp_path / "a.svg")
    assert (tmp_path / "a.svg").read_bytes() == (DOCS / "dashboard.svg").read_bytes()

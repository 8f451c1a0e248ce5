from __future__ import annotations

import io
import re
import time

import numpy as np
import pytest
from rich.console import Console

from data_modules.problems import BadInput, Problem
from data_modules.wsi.extract import Extracted
from data_modules.wsi.recipe import SlideTask
from data_modules.wsi.rows import Rows
from experiments.preparing import features_progress
from experiments.preparing.features_progress import SlideProgress


@pytest.fixture
def tasks(tmp_path) -> list[SlideTask]:
    made = []
    for name, size in (("A", 300), ("B", 100), ("C", 100)):
        (tmp_path / f"{name}.svs").write_bytes(b"x" * size)
        paths = (tmp_path / f"{name}.h5", tmp_path / f"{name}.png")
        made.append(SlideTask(name, tmp_path / f"{name}.svs", None, None, *paths))
    return made


def done(name: str, computed: int = 30) -> Extracted:
    outcome = "written" if computed else "was there"
    return Extracted(name, outcome, 30, computed, 3.0, {}, ("blurred",) if computed else ())  # type: ignore[arg-type]


def test_every_slide_leaves_a_line(tasks, monkeypatch) -> None:
    clock = iter(range(0, 1000, 30))
    monkeypatch.setattr(features_progress.time, "monotonic", lambda: float(next(clock)))
    text = io.StringIO()
    with SlideProgress(Console(file=text, width=200), tasks) as progress:
        progress.finish(tasks[0], done("A"))
        progress.finish(tasks[1], BadInput([Problem("B.svs", None, None, "is\nempty [b]")]))
        progress.finish(tasks[2], done("C", 0))
    first, second, third = text.getvalue().splitlines()
    assert re.fullmatch(
        r"1/3 A: 30 tiles in 3 s, 10\.0 tiles/s \(blurred\); about \d+ (s|min) left", first
    )
    assert second.startswith("2/3 B: refused: is empty [b]")
    assert third == "3/3 C: 30 tiles, there already"


def test_slides_under_way_are_seen_on_a_terminal(tasks, monkeypatch) -> None:
    monkeypatch.setattr(features_progress, "SECONDS", 0.01)
    text = io.StringIO()
    with Rows(tasks[0].target, {}, count=100, width=2, batch=10) as rows:
        # An earlier run computed ten of them.
        rows.add(np.zeros((10, 2), np.float32))
        console = Console(file=text, width=120, force_terminal=True)
        with SlideProgress(console, tasks) as progress:
            rows.add(np.zeros((40, 2), np.float32))
            until = time.monotonic() + 5
            while "40 tiles" not in (shown := progress.progress.tasks[0].description):
                assert time.monotonic() < until
                time.sleep(0.01)
    assert re.fullmatch(r"slide 0/3, 40 tiles, [\d.]+ tiles/s, \d+ \w+ left", shown)

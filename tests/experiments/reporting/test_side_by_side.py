from __future__ import annotations

import re
from dataclasses import replace

import pytest

from experiments.reporting.build import Report, build
from experiments.reporting.side_by_side import accuracy, comparisons, discrimination, legal_grid
from experiments.reporting.uncertainty import Effort


@pytest.fixture
def report(source) -> Report:
    return build([source], (5.0,), Effort(50, 0))


def test_every_c_index_of_the_page_has_its_band(report) -> None:
    harrell, uno = re.findall(r"<thead>.*?</thead>", discrimination(report))
    # Of the mean over folds, of the pool, and of Uno's C; AUC is no C-index.
    assert harrell.count("95 % of chance") == 2
    assert uno.count("95 % of chance") == 1


def test_events_and_pairs_stand_in_every_row(report) -> None:
    c = report.metric("A", "c_index")
    told = f"{c['patients']} patients, {c['events']} events, {c['comparable_pairs']} pairs"
    for page in (discrimination(report), accuracy(report)):
        assert page.count(told) == page.count("<table>") * 2  # the run and its classical model


def test_the_comparison_names_both_intervals(report) -> None:
    page = comparisons(report)
    assert "difference in C-index (95 %, corrected)" in page
    assert "95 %, bootstrap" in page
    assert "corrected\N{NO-BREAK SPACE}t" in page


def test_the_legal_grid_stands_under_the_ibs(report, source) -> None:
    assert legal_grid(report).endswith(": 0.25 to 10 years, 40 times")
    assert "Legal time grid" in accuracy(report)
    short = source.main.rows
    cut = short["time_days"].clip(upper=1500)
    arm = replace(source.main, name="B", rows=short.assign(time_days=cut))
    both = replace(source, arms=(source.main, arm))
    told = legal_grid(build([both], (5.0,), Effort(20, 0)))
    assert "A: 0.25 to 10 years, 40 times; B: 0.25 to 4 years, 16 times" in told


def test_without_predicted_survival_there_is_no_grid(report) -> None:
    silent = report.folds.assign(grid_times=0)
    assert legal_grid(replace(report, folds=silent)) == ""

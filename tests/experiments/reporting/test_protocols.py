from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from experiments.reporting.build import build
from experiments.reporting.folds import fold_table
from experiments.reporting.protocols import gap_table
from experiments.reporting.schema import SCHEMA
from experiments.reporting.side_by_side import protocols
from experiments.reporting.sources import Source
from experiments.reporting.uncertainty import Effort
from mmsurv.metrics.functional import corrected_resampled


@pytest.fixture
def twins(source) -> list[Source]:
    """A run under nested, and the same under paper that ranks better."""
    rows = source.main.rows
    random = np.random.default_rng(0)
    worse = rows.assign(log_hazard=rows["log_hazard"] + random.normal(size=len(rows)) * 2)
    nested = replace(source, arms=(replace(source.main, rows=worse),))
    paper = replace(source.main, name="paper", protocol="paper")
    config = source.config | {"protocol": "paper", "out": "elsewhere", "jobs": 4}
    return [replace(source, name="paper", arms=(paper,), config=config), nested]


def tabled(sources: list[Source]):  # noqa: ANN201 - a table
    return gap_table(sources, {s.main.name: fold_table(s.main, ()) for s in sources})


def test_the_gap_is_paper_minus_nested_with_a_corrected_interval(twins) -> None:
    table = tabled(twins)
    assert list(table) == list(SCHEMA["protocols"].columns)
    (row,) = table.to_dict("records")
    paper, nested = (fold_table(s.main, ())["c_index"].to_numpy() for s in twins)
    known = corrected_resampled(paper - nested, test_share=30 / 60)
    found = row["gap"], row["corrected_lower"], row["corrected_upper"], row["p"]
    assert found == pytest.approx((known.value, known.lower, known.upper, known.p))
    assert row["c_index_paper"] - row["c_index_nested"] == pytest.approx(row["gap"])
    assert (row["nested"], row["paper"], row["folds"]) == ("A", "paper", 3)
    assert row["reason"] == ""


def test_another_configuration_is_another_arm(twins) -> None:
    paper, nested = twins
    other = replace(nested, config=nested.config | {"fusion": "concat"})
    assert tabled([paper, other]).empty
    assert tabled([paper]).empty
    assert tabled([nested]).empty
    foreign = replace(paper, config={})
    assert tabled([foreign, replace(nested, config={})]).empty


def test_other_patients_have_no_gap_and_say_why(twins) -> None:
    paper, nested = twins
    fewer = replace(nested, arms=(replace(nested.main, rows=nested.main.rows.iloc[10:]),))
    (row,) = tabled([paper, fewer]).to_dict("records")
    assert np.isnan(row["gap"])
    assert row["reason"].startswith("other patients")


def test_the_page_shows_the_gap_and_the_reading_says_it(twins) -> None:
    report = build(twins, (5.0,), Effort(50, 0))
    page = protocols(report)
    assert "paper – nested (95 %, corrected)" in page
    assert "<td>3</td>" in page
    said = dict(report.studies[0].reading)["optimism"]
    assert "C-index less that under protocol nested, same patients: 0." in said
    alone = build(twins[:1], (5.0,), Effort(50, 0))
    assert protocols(alone) == ""
    assert "says by how much" in dict(alone.studies[0].reading)["optimism"]

from __future__ import annotations

import math

import numpy as np
import pytest

from experiments.published import C_INDEX
from experiments.study_table import Column, gaps, print_study, study_markdown, study_rows
from mmsurv.metrics.functional import corrected_resampled

HORIZONS = (5.0, 10.0)


def _column(arm: str, protocol: str, values: tuple[float, ...], reason: str = "") -> Column:
    mean = sum(values) / len(values)
    folds = [
        {
            "fold": k, "patients": 50, "events": 7, "comparable_pairs": 300,
            "c_index": {"value": value}, "ibs_5y": {"value": 0.1}, "ibs_10y": {"value": 0.2},
        }
        for k, value in enumerate(values)
    ]  # fmt: skip
    cv = {
        "c_index": {
            "mean": mean, "sd": 0.05, "reason": reason, "lower": mean - 0.1, "upper": mean + 0.1,
            "null_lower": 0.4, "null_upper": 0.6,
        },
        "ibs_5y": {"mean": 0.1, "sd": 0.0, "reason": ""},
        "ibs_10y": {"mean": 0.2, "sd": 0.0, "reason": ""},
    }  # fmt: skip
    counts = {"patients": 250, "events": 35, "comparable_pairs": 1500, "test_share": 0.25}
    return Column(arm, protocol, counts | {"folds": folds, "cv": cv})


@pytest.fixture
def columns() -> list[Column]:
    """The paper's seven arms under both protocols."""
    return [
        _column(arm, protocol, (high, 0.6, 0.5, 0.6, 0.5))
        for protocol, high in (("paper", 0.75), ("nested", 0.5))
        for arm in C_INDEX
    ]


def test_the_gap_is_taken_fold_by_fold(columns) -> None:
    gap = gaps(columns)["image@maxvit"]
    assert gap["folds"] == {0: 0.25, 1: 0.0, 2: 0.0, 3: 0.0, 4: 0.0}
    assert gap["mean"] == pytest.approx(0.05)
    known = corrected_resampled(np.array([0.25, 0.0, 0.0, 0.0, 0.0]), test_share=0.25)
    assert (gap["lower"], gap["upper"], gap["p"]) == known[1:4]
    assert gaps(columns[:7]) == {}


def test_chance_and_interval_stand_in_every_table(columns, quiet_console) -> None:
    rows = study_rows(columns[:1], HORIZONS).set_index("fold")
    assert rows.loc[["null_lower", "null_upper"], "c_index"].tolist() == [0.4, 0.6]
    assert rows.loc[["lower", "upper"], "c_index"].tolist() == pytest.approx([0.49, 0.69])
    assert rows.loc[["null_lower", "null_upper"], "ibs_5y"].isna().all()
    page = study_markdown(columns[:2], HORIZONS)
    assert "| 95 % |  |  |  | 0.49 to 0.69 | 0.49 to 0.69 |" in page
    assert "| chance |  |  |  | 0.40 to 0.60 | 0.40 to 0.60 |" in page
    assert "250 patients, 35 events, 1500 comparable pairs" in page
    print_study(columns[:2], HORIZONS, quiet_console)
    lines = [" ".join(line.split()) for line in quiet_console.file.getvalue().splitlines()]
    assert "chance 0.40 0.40" in lines
    assert "–0.60 –0.60" in lines


def test_scores_of_earlier_versions_have_no_band(quiet_console) -> None:
    column = _column("image", "nested", (0.6, 0.7))
    for name in ("lower", "upper", "null_lower", "null_upper"):
        del column.scores["cv"]["c_index"][name]
    assert study_rows([column], HORIZONS).set_index("fold").isna().loc["null_lower", "c_index"]
    assert "| chance |  |  |  | – |" in study_markdown([column], HORIZONS)


def test_the_paper_stands_beside_its_own_arms_and_no_others() -> None:
    other = _column("image@uni", "paper", (0.7, 0.7))
    rows = study_rows([_column("image@maxvit", "paper", (0.7, 0.8)), other], HORIZONS)
    own = rows[rows["arm"] == "image@maxvit"].set_index("fold")
    assert own.loc["1", "c_index_paper"] == 0.47
    assert (own.loc["mean", "c_index_paper"], own.loc["sd", "c_index_paper"]) == (0.53, 0.08)
    assert rows.loc[rows["arm"] == "image@uni", "c_index_paper"].isna().all()
    assert "C-index in the paper" not in study_markdown([other], HORIZONS)


def test_the_page_prints_folds_down_and_arms_across(columns) -> None:
    page = study_markdown(columns, HORIZONS)
    assert page.count("| fold | patients | events | pairs | image+genes+clinical@maxvit |") == 2
    assert "| 0 | 50 | 7 | 300 | 0.75 | 0.75 |" in page
    assert "| 0 | 50 | 7 | 300 | 0.50 | 0.50 |" in page
    assert "| mean ± sd | 0.64 ± 0.06 | 0.56 ± 0.06 |" in page
    assert "| image@maxvit | +0.05 ± 0.11 | -0.16 to +0.26 |" in page
    assert "0.11 over 5 years, 0.16 over 10 years" in page
    widths = {
        len({line.count("|") for line in part.splitlines() if line.startswith("|")})
        for part in page.split("## ")[1:]
    }
    assert widths == {1}


def test_seven_arms_fit_80_characters(columns, quiet_console) -> None:
    print_study(columns, HORIZONS, quiet_console)
    printed = quiet_console.file.getvalue()
    assert max(map(len, printed.splitlines())) <= 80
    assert "…" not in printed
    lines = [" ".join(line.split()) for line in printed.splitlines()]
    assert "0 7 300 0.75 0.75 0.75 0.75 0.75 0.75 0.75" in lines
    assert "paper 0.64 0.56 0.57 0.56 0.53 0.55 0.47" in lines
    assert "±0.06 ±0.06 ±0.10 ±0.06 ±0.08 ±0.08 ±0.17" in lines
    assert "– image@maxvit: protocol paper minus nested," in lines
    assert "+0.05 ± 0.11, corrected 95 % -0.16 to +0.26" in lines


def test_what_is_missing_is_a_dash_with_its_reason(quiet_console) -> None:
    column = _column("cox_clinical", "nested", (math.nan, 0.5), "no maximum")
    print_study([column], HORIZONS, quiet_console)
    printed = quiet_console.file.getvalue()
    assert "– cox_clinical, nested: no maximum" in printed
    assert "nan" not in printed

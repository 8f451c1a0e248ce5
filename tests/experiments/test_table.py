from __future__ import annotations

import dataclasses
import math

import pytest

from experiments.config import RunConfig
from experiments.table import baseline_reasons, baseline_table, reasons, result_table


def _entry(value: float, reason: str = "") -> dict:
    return {"value": value, "reason": reason}


@pytest.fixture
def scores() -> dict:
    folds = [
        {
            "fold": fold, "patients": 80, "events": 40, "comparable_pairs": 12345,
            "c_index": _entry(0.6 + fold / 10), "ibs_5y": _entry(0.125),
            "ibs_10y": _entry(math.nan, "no follow-up") if fold else _entry(0.25),
        }
        for fold in (0, 1)
    ]  # fmt: skip
    means = {"c_index": (0.65, 0.0707), "ibs_5y": (0.125, 0.0), "ibs_10y": (math.nan, math.nan)}
    return {
        "protocol": "nested", "patients": 160, "events": 80, "folds": folds,
        "comparable_pairs": 24690,
        "cv": {name: {"mean": m, "sd": s, "reason": ""} for name, (m, s) in means.items()},
        "logrank_p": _entry(0.03), "pooled": {"hazard_ratio": _entry(2.0)},
    }  # fmt: skip


def test_every_number_stands_uncut_on_80_characters(scores, quiet_console) -> None:
    quiet_console.print(result_table(scores, RunConfig()))
    printed = quiet_console.file.getvalue().splitlines()
    assert max(map(len, printed)) <= 80
    lines = [" ".join(line.split()) for line in printed]
    assert "0 80 40 12345 0.600 0.125 0.250" in lines
    assert "1 80 40 12345 0.700 0.125 –" in lines
    assert "mean ± sd 160 80 24690 0.650 ± 0.071 0.125 ± 0.000 – ± –" in lines
    heading = " ".join(lines[:3])
    for words in ("dual_xattn, image+genes+clinical, protocol nested", "comparable", "pairs",
                  "patients events", "C-index IBS 5 y IBS 10 y"):  # fmt: skip
        assert words in heading


def test_below_stand_the_interval_the_band_of_chance_and_the_grid(scores, quiet_console) -> None:
    ends = {"lower": 0.51, "upper": 0.79, "null_lower": 0.4, "null_upper": 0.6}
    scores["cv"]["c_index"] |= ends
    for fold, last in zip(scores["folds"], (10.0, 9.5), strict=True):
        fold["grid_years"] = [0.25 * step for step in range(1, int(last * 4) + 1)]
    quiet_console.print(result_table(scores, RunConfig()))
    printed = quiet_console.file.getvalue()
    assert max(map(len, printed.splitlines())) <= 80
    told = " ".join(printed.split())
    assert "C-index: corrected 95 % interval 0.510 to 0.790, 95 % of chance 0.400 to 0.600" in told
    assert "IBS: legal time grid 0.25 to 9.5 years, 38 times (longest fold to 10, 40)" in told


def test_a_narrow_terminal_and_many_horizons_cut_nothing(scores, quiet_console) -> None:
    horizons = (1.0, 2.0, 3.0, 5.0, 10.0)
    for place in (*scores["folds"], scores["cv"]):
        for horizon in horizons:
            place[f"ibs_{horizon:g}y"] = place["ibs_5y"]
    quiet_console.print(
        result_table(scores, dataclasses.replace(RunConfig(), horizons=horizons)), width=40
    )
    text = quiet_console.file.getvalue()
    assert text.count("0.125 ± 0.000") == 5
    assert "…" not in text


def test_what_is_missing_is_explained_line_by_line(scores) -> None:
    assert reasons(scores) == ["ibs_10y of fold 1: no follow-up"]
    scores["logrank_p"] = _entry(math.nan, "one group is empty")
    assert reasons(scores)[1:] == ["log-rank: one group is empty"]


def test_classical_models_have_a_line_each_and_a_reason_where_there_is_no_number(
    scores, quiet_console
) -> None:
    failed = {**scores, "cv": {**scores["cv"], "c_index": _summary(math.nan, "no maximum")}}
    found = {"elastic_net_late_fusion": scores, "cox_clinical": failed}
    quiet_console.print(baseline_table(found, RunConfig()))
    lines = [" ".join(x.split()) for x in quiet_console.file.getvalue().splitlines()]
    assert "elastic_net_late_fusion 0.650 ± 0.071 0.125 ± 0.000 – ± –" in lines
    assert "cox_clinical – ± – 0.125 ± 0.000 – ± –" in lines
    assert max(map(len, quiet_console.file.getvalue().splitlines())) <= 80
    assert baseline_reasons(found) == ["cox_clinical: no maximum"]


def _summary(mean: float, reason: str) -> dict:
    return {"mean": mean, "sd": mean, "reason": reason}


def test_reasons_of_several_metrics_are_one_line(scores) -> None:
    scores["folds"][1]["ibs_5y"] = _entry(math.nan, "no follow-up")
    scores["pooled"]["hazard_ratio"] = _entry(math.nan, "no event")
    assert reasons(scores)[:2] == [
        "ibs_5y, ibs_10y of fold 1: no follow-up", "hazard_ratio of all folds: no event",
    ]  # fmt: skip

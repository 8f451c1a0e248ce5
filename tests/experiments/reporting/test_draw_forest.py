from __future__ import annotations

import numpy as np
import pandas as pd

from experiments.reporting.draw_forest import forest_figure, subgroups_figure
from experiments.reporting.hazards import clinical_terms, hazard_ratios


def texts(axes) -> list[str]:
    return [text.get_text() for text in axes.texts]


def test_every_ratio_stands_beside_its_line(source) -> None:
    table = hazard_ratios(source.main.rows, clinical_terms(source.cohort)).table
    axes, numbers = forest_figure(table).axes
    wanted = {
        f"{r['hazard_ratio']:.2f} ({r['lower']:.2f}–{r['upper']:.2f})"
        for r in table.to_dict("records")
    }
    assert set(texts(numbers)) == wanted
    labels = [tick.get_text() for tick in axes.get_yticklabels()]
    assert labels[0] == "risk group\nhigh against low"
    assert len(labels) == 5
    low, high = axes.get_xlim()
    assert low < table["lower"].min()
    assert high > table["upper"].max()
    assert axes.get_xscale() == "log"


def test_few_events_are_marked_and_a_missing_ratio_is_a_dash() -> None:
    table = pd.DataFrame(
        {
            "subgroup": ["LumA", "LumB"],
            "patients": [90, 20],
            "events": [30, 4],
            "hazard_ratio": [2.0, np.nan],
            "lower": [1.2, np.nan],
            "upper": [3.4, np.nan],
        }
    )
    axes, numbers = subgroups_figure(table).axes
    assert [tick.get_text() for tick in axes.get_yticklabels()] == [
        "LumA\n90 patients, 30 events", "LumB *\n20 patients, 4 events",
    ]  # fmt: skip
    assert texts(numbers) == ["2.00 (1.20–3.40)", "–"]


def test_no_ratio_at_all_is_still_a_figure() -> None:
    table = pd.DataFrame(
        {"subgroup": ["LumA"], "patients": [9], "events": [0]}
        | {name: [np.nan] for name in ("hazard_ratio", "lower", "upper")}
    )
    axes, _ = subgroups_figure(table).axes
    assert axes.get_xlim()[0] < 1 < axes.get_xlim()[1]

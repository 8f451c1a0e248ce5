"""Forest plots: a hazard ratio a line, with its interval and its numbers."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments.figures import BLUE, GREY, VERMILION
from experiments.reporting.style import SMALL, column_figure, hazard_axis

MODELS = {"univariate": (BLUE, "o", -0.16), "multivariate": (VERMILION, "s", 0.16)}
FEW_EVENTS = 10


def forest_figure(table: pd.DataFrame) -> Figure:
    """Hazard ratios of clinical variables and the risk group, alone and together.

    Args:
        table: Of `hazards.hazard_ratios`.
    """
    names = table.drop_duplicates(["variable", "contrast"])
    figure = column_figure(0.9 + 0.42 * len(names))
    axes, numbers = _panels(figure)
    for place, (variable, contrast) in enumerate(
        zip(names["variable"], names["contrast"], strict=True)
    ):
        both = table[(table["variable"] == variable) & (table["contrast"] == contrast)]
        for row in both.to_dict("records"):
            colour, marker, shift = MODELS[str(row["model"])]
            _line(axes, numbers, row, place + shift, colour, marker)
    axes.set_yticks(
        range(len(names)),
        [f"{v}\n{c}" for v, c in zip(names["variable"], names["contrast"], strict=True)],
    )
    _ends(axes, table, len(names))
    used = [model for model in MODELS if (table["model"] == model).any()]
    told = {"univariate": "● alone", "multivariate": "■ together"}
    axes.set_xlabel("hazard ratio, 95 %\n" + "   ".join(told[model] for model in used))
    return figure


def subgroups_figure(table: pd.DataFrame) -> Figure:
    """Hazard ratio of high against low risk in every subgroup.

    Args:
        table: Of `subgroups.subgroup_table`.
    """
    figure = column_figure(0.8 + 0.36 * len(table))
    axes, numbers = _panels(figure)
    labels = []
    for place, row in enumerate(table.to_dict("records")):
        few = " *" if row["events"] < FEW_EVENTS else ""
        labels.append(f"{row['subgroup']}{few}\n{row['patients']} patients, {row['events']} events")
        _line(axes, numbers, row, place, BLUE, "o")
    axes.set_yticks(range(len(table)), labels)
    _ends(axes, table, len(table))
    axes.set_xlabel("hazard ratio, high\nagainst low risk, 95 %")
    return figure


def _panels(figure: Figure) -> tuple[Axes, Axes]:
    axes, numbers = figure.subplots(1, 2, width_ratios=[3, 2])
    numbers.axis("off")
    return axes, numbers


def _line(
    axes: Axes, numbers: Axes, row: dict[Hashable, Any], y: float, colour: str, marker: str
) -> None:
    ratio, low, high = (float(row[k]) for k in ("hazard_ratio", "lower", "upper"))
    text = "–" if ratio != ratio else f"{ratio:.2f} ({low:.2f}–{high:.2f})"
    if ratio == ratio:
        axes.plot([low, high], [y, y], color=colour, lw=1.1)
        axes.plot(ratio, y, marker, color=colour, ms=4)
    numbers.text(0, y, text, va="center", fontsize=SMALL, color=colour)


def _ends(axes: Axes, table: pd.DataFrame, lines: int) -> None:
    known = table[table["hazard_ratio"].notna()]
    lowest = float(known["lower"].min()) if len(known) else 0.5
    highest = float(known["upper"].max()) if len(known) else 2.0
    hazard_axis(axes, min(lowest, 0.7), max(highest, 1.4))
    for panel in (axes, axes.figure.axes[1]):
        panel.set_ylim(lines - 0.5, -0.5)
    axes.tick_params(axis="y", labelsize=SMALL, length=0)
    axes.spines["left"].set_visible(False)
    axes.grid(axis="y", visible=False)
    axes.set_axisbelow(True)
    for y in range(1, lines):
        axes.axhline(y - 0.5, color=GREY, lw=0.2)

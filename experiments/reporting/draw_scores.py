"""Discrimination and accuracy: Brier score and AUC over time, calibration, C-index by arm."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from experiments.figures import BLUE, GREY, VERMILION
from experiments.reporting.style import GREEN, SMALL, column_figure

KINDS = ("network", "classical", "foreign")
MARKERS = ("o", "s", "^", "D")
COLOURS = (BLUE, VERMILION, GREEN, "#CC79A7")


def curves_figure(curves: pd.DataFrame) -> Figure:
    """Brier score beside that of Kaplan-Meier, and AUC(t); mean and one sd over folds.

    Args:
        curves: Of `curves.score_curves`.
    """
    figure = column_figure(4.2)
    brier, auc = figure.subplots(2, 1, sharex=True)
    reference = curves[curves["metric"] == "brier_reference"]
    brier.plot(
        reference["years"], reference["mean"], color=GREY, ls="--", label="Kaplan–Meier, no model"
    )
    _spread(brier, curves[curves["metric"] == "brier"], BLUE, "model")
    brier.set_ylabel("Brier score (lower is better)")
    brier.set_ylim(bottom=0)
    brier.legend(frameon=False, loc="lower right")
    _spread(auc, curves[curves["metric"] == "auc"], BLUE, "model")
    auc.axhline(0.5, color=GREY, ls="--", lw=0.9, label="a coin")
    auc.set_ylabel("AUC(t) (higher is better)")
    auc.set_ylim(min(0.4, *auc.get_ylim()), 1)
    auc.set_xlabel("years")
    auc.legend(frameon=False, loc="upper right")
    return figure


def _spread(axes: Axes, curve: pd.DataFrame, colour: str, label: str) -> None:
    axes.plot(curve["years"], curve["mean"], color=colour, label=label)
    low, high = curve["mean"] - curve["sd"], curve["mean"] + curve["sd"]
    axes.fill_between(curve["years"], low, high, color=colour, alpha=0.18, lw=0)


def calibration_figure(table: pd.DataFrame) -> Figure:
    """Observed against predicted risk, a point a group of patients, at each horizon.

    Args:
        table: Of `calibration.calibration_table`, not empty.
    """
    figure = column_figure(3.3)
    axes = figure.subplots()
    axes.plot([0, 1], [0, 1], color=GREY, lw=0.8, ls="--", label="predicted = observed")
    for i, (horizon, rows) in enumerate(table.groupby("horizon_years", sort=True)):
        seen = rows[rows["observed"].notna()]
        error = [seen["observed"] - seen["lower"], seen["upper"] - seen["observed"]]
        axes.errorbar(
            seen["predicted"], seen["observed"], yerr=np.nan_to_num(np.array(error)),
            fmt=f"{MARKERS[i % 4]}-", color=COLOURS[i % 4], ms=4, lw=1, elinewidth=0.8, capsize=2,
            label=f"{horizon:g} years",
        )  # fmt: skip
    axes.set(xlim=(0, 1), ylim=(0, 1), aspect="equal")
    axes.set_xlabel("predicted risk")
    axes.set_ylabel("observed risk (Kaplan–Meier)")
    # Above: inside, intervals reach everywhere.
    axes.legend(
        frameon=False, loc="lower left", bbox_to_anchor=(0, 1), ncols=3, columnspacing=1.2,
        handletextpad=0.5,
    )  # fmt: skip
    return figure


def arms_figure(arms: pd.DataFrame) -> Figure:
    """C-index of every arm with its interval, over the band of chance.

    Args:
        arms: Columns arm, kind, c_index, c_index_lower, c_index_upper, null_lower, null_upper;
            drawn from top to bottom.
    """
    figure = column_figure(0.75 + 0.19 * len(arms))
    axes = figure.subplots()
    for place, row in enumerate(arms.to_dict("records")):
        if row["null_lower"] == row["null_lower"]:
            width = row["null_upper"] - row["null_lower"]
            band = Rectangle((row["null_lower"], place - 0.42), width, 0.84, lw=0, color="#DDDDDD")
            axes.add_patch(band)
        look = KINDS.index(str(row["kind"]))
        axes.plot(
            [row["c_index_lower"], row["c_index_upper"]], [place, place],
            color=COLOURS[look], lw=1.2,
        )  # fmt: skip
        axes.plot(row["c_index"], place, MARKERS[look], color=COLOURS[look], ms=4)
    axes.axvline(0.5, color=GREY, lw=0.7, ls="--")
    axes.set_yticks(range(len(arms)), arms["arm"])
    axes.tick_params(axis="y", labelsize=SMALL, length=0)
    axes.set_ylim(len(arms) - 0.4, -0.6)
    axes.set_xlabel("C-index, 95 % interval")
    return figure

"""Survival of the risk groups as a clinician reads it."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments.figures import GREY
from experiments.reporting.groups import GROUPS
from experiments.reporting.style import COLOUR, LINE, SMALL, column_figure, p_text
from experiments.scores import first_repeat
from mmsurv.survival import DAYS_PER_YEAR

TICKS = 6


def groups_figure(
    predictions: pd.DataFrame, curves: pd.DataFrame, logrank_p: float, permutation_p: float
) -> Figure:
    """Kaplan-Meier of the out-of-fold groups, 95 % bands, patients at risk, and both p values.

    Args:
        predictions: predictions.csv.
        curves: Of `groups.pooled_curves`.
        logrank_p: Of the pooled groups; not valid, for the folds share training patients.
        permutation_p: Of the whole cross-validated split.
    """
    once = first_repeat(predictions)
    last = float(once["time_days"].max()) / DAYS_PER_YEAR
    step = max(1, round(last / TICKS))
    ticks = np.arange(0, last + 1e-9, step)
    figure = column_figure(3.4)
    axes, counts = figure.subplots(2, 1, height_ratios=[6, 1], sharex=True)
    for row, group in enumerate(GROUPS):
        rows = once[once["risk_group"] == group]
        curve = curves[curves["group"] == group]
        label = f"{group} risk: {len(rows)} patients, {int(rows['event'].sum())} events"
        _band(axes, curve, "survival", group, label, step=True)
        for tick in ticks:
            n = int((rows["time_days"] >= tick * DAYS_PER_YEAR).sum())
            counts.text(
                tick, 1 - row, str(n), ha="center", va="center", fontsize=SMALL, color=COLOUR[group]
            )
    _probability(axes, last)
    axes.text(
        0.99, 1.0,
        f"permutation p {p_text(permutation_p)}\n"
        f"plain log-rank p {p_text(logrank_p)}, not valid here",
        transform=axes.transAxes, ha="right", va="top", fontsize=SMALL,
    )  # fmt: skip
    axes.legend(loc="lower left", frameon=False)
    counts.set(ylim=(-0.7, 1.7), yticks=[1, 0], yticklabels=GROUPS, xticks=ticks)
    counts.set_title("at risk", loc="left", fontsize=SMALL, pad=1, color=GREY)
    counts.set_xlabel("years")
    counts.spines[:].set_visible(False)
    counts.tick_params(length=0)
    counts.tick_params(axis="y", pad=14)
    return figure


def mean_groups_figure(curves: pd.DataFrame) -> Figure:
    """The paper's figure 5: each group's curve, averaged over the folds, with a 95 % band.

    Args:
        curves: Of `groups.mean_curves`.
    """
    figure = column_figure(2.8)
    axes = figure.subplots()
    for group in GROUPS:
        curve = curves[curves["group"] == group]
        _band(axes, curve, "mean", group, f"{group} risk", step=False)
    _probability(axes, float(curves["years"].max()))
    axes.set_xlabel("years")
    axes.legend(
        loc="lower left", frameon=False, title=f"mean of {int(curves['folds'].max())} folds",
        title_fontsize=SMALL, alignment="left",
    )  # fmt: skip
    return figure


def _band(
    axes: Axes, curve: pd.DataFrame, value: str, group: str, label: str, *, step: bool
) -> None:
    (line,) = axes.plot(
        curve["years"], curve[value], color=COLOUR[group], ls=LINE[group], label=label
    )
    if step:
        line.set_drawstyle("steps-post")
    axes.fill_between(
        curve["years"], curve["lower"], curve["upper"], step="post" if step else None,
        color=COLOUR[group], alpha=0.18, lw=0,
    )  # fmt: skip


def _probability(axes: Axes, last: float) -> None:
    axes.set(ylim=(0, 1.02), xlim=(0, last), ylabel="free of the event")
    axes.set_yticks(np.arange(0, 1.01, 0.2))

"""Figures of a run: Kaplan-Meier of the risk groups, and training curves."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from data_modules.files import write_aside
from experiments.table import number
from mmsurv.metrics.functional import kaplan_meier
from mmsurv.survival import DAYS_PER_YEAR

mpl.use("Agg")

# Okabe and Ito's palette: distinct for every kind of colour vision, and in grey.
BLUE, VERMILION, GREY = "#0072B2", "#D55E00", "#777777"
GROUPS = (("low", BLUE, "-"), ("high", VERMILION, "--"))
FOLDS_A_ROW = 5


def kaplan_meier_figure(predictions: pd.DataFrame, scores: dict[str, Any], title: str) -> Figure:
    """Survival of the out-of-fold risk groups with 95 % bands and the numbers at risk.

    Args:
        predictions: predictions.csv.
        scores: Result of `cross_validated_scores`.
        title: What was run on what.
    """
    figure = Figure(figsize=(6.0, 5.0), layout="constrained")
    axes, counts = figure.subplots(2, 1, height_ratios=[5, 1], sharex=True)
    last_year = float(predictions["time_days"].max()) / DAYS_PER_YEAR
    ticks = np.arange(0, last_year + 1e-9, max(1, round(last_year / 8)))
    for row, (group, colour, style) in enumerate(GROUPS):
        rows = predictions[predictions["risk_group"] == group]
        label = f"{group} risk: {len(rows)} patients, {int(rows['event'].sum())} events"
        if len(rows):
            curve = kaplan_meier(
                event=rows["event"].to_numpy(dtype=bool),
                time=rows["time_days"].to_numpy(dtype=float),
            )
            years = curve.time / DAYS_PER_YEAR
            axes.step(years, curve.survival, where="post", color=colour, ls=style, label=label)
            axes.fill_between(
                years, curve.lower, curve.upper, step="post", color=colour, alpha=0.15, lw=0
            )
        at_risk = [(rows["time_days"] >= t * DAYS_PER_YEAR).sum() for t in ticks]
        _at_risk_row(counts, ticks, at_risk, 1 - row, colour)
    axes.set(ylim=(0, 1.02), xlim=(0, last_year), ylabel="survival probability")
    axes.set_title(title, loc="left", fontsize=10)
    p = scores["logrank_p"]["value"]
    p_text = "not computable" if p != p else ("< 0.001" if p < 0.001 else f"= {p:.3f}")
    axes.text(
        0.98,
        0.97,
        f"C-index {number(scores['cv']['c_index']['mean'])} ± "
        f"{number(scores['cv']['c_index']['sd'])} over folds\n"
        f"pooled log-rank p {p_text} (descriptive)",
        transform=axes.transAxes,
        ha="right",
        va="top",
        fontsize=8,
        color=GREY,
    )
    axes.legend(loc="lower left", frameon=False, fontsize=9)
    counts.set(ylim=(-0.6, 1.6), yticks=[1, 0], yticklabels=["low", "high"], xticks=ticks)
    counts.set_xlabel("years; below the curves, patients at risk")
    counts.spines[:].set_visible(False)
    counts.tick_params(length=0)
    counts.tick_params(axis="y", pad=14)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    return figure


def _at_risk_row(axes: Axes, ticks: np.ndarray, at_risk: list[int], y: int, colour: str) -> None:
    for x, n in zip(ticks, at_risk, strict=True):
        axes.text(x, y, str(int(n)), ha="center", va="center", fontsize=8, color=colour)


def training_figure(histories: dict[str, pd.DataFrame]) -> Figure:
    """Losses and validation C-index by epoch, one column a fold; kept epochs are marked.

    Networks of one fold share its axes, and folds are in rows of at most five: a run of many folds
    stays a picture of a page's width.

    Args:
        histories: history.csv of every network, by name: fold0, or fold0/member1 in an ensemble.
    """
    folds: dict[str, list[pd.DataFrame]] = {}
    for name, history in histories.items():
        folds.setdefault(name.split("/")[0], []).append(history)
    columns = min(len(folds), FOLDS_A_ROW)
    rows = 2 * math.ceil(len(folds) / columns)
    size = (max(2.3 * columns, 4.0), 2.1 * rows)
    figure = Figure(figsize=size, layout="constrained")
    grid = figure.subplots(rows, columns, squeeze=False)
    _share(grid[::2])
    _share(grid[1::2])
    for place, (name, members) in enumerate(folds.items()):
        row, column = divmod(place, columns)
        _draw_fold(grid[2 * row, column], grid[2 * row + 1, column], members)
        grid[2 * row, column].set_title(name, fontsize=9)
    for axes in grid[-2:, (len(folds) - 1) % columns + 1 :].flat:
        axes.set_axis_off()
    for row in range(0, rows, 2):
        grid[row, 0].set_ylabel("loss per event")
        grid[row + 1, 0].set_ylabel("validation C-index")
    handles = grid[0, 0].lines[:2]
    grid[0, 0].legend(handles, [str(h.get_label()) for h in handles], frameon=False, fontsize=7)
    figure.suptitle("dashed line: epoch whose weights are kept", fontsize=8, color=GREY)
    return figure


def _share(grid: np.ndarray) -> None:
    """One scale for all, told in the first column."""
    first = grid[0, 0]
    for axes in grid.flat[1:]:
        axes.sharey(first)
    for axes in grid[:, 1:].flat:
        axes.tick_params(labelleft=False)


def _draw_fold(losses: Axes, c_index: Axes, members: list[pd.DataFrame]) -> None:
    width, width_of_kept = (1.5, 0.8) if len(members) == 1 else (0.8, 0.5)
    c_index.sharex(losses)
    losses.tick_params(labelbottom=False)
    for history in members:
        epoch = history["epoch"] + 1
        losses.plot(
            epoch, history["train/loss"], color=GREY, ls=":", lw=width, label="training batches"
        )
        losses.plot(epoch, history["val/loss"], color=BLUE, lw=width, label="validation set")
        c_index.plot(epoch, history["val/c_index"], color=VERMILION, lw=width)
        kept = int(epoch.iloc[int(history["val/loss"].argmin())])
        for axes in (losses, c_index):
            axes.axvline(kept, color="black", lw=width_of_kept, ls="--")
    for axes in (losses, c_index):
        axes.spines[["top", "right"]].set_visible(False)
    c_index.axhline(0.5, color=GREY, lw=0.6)
    c_index.set_xlabel("epoch")
    c_index.xaxis.set_major_locator(MaxNLocator(4, integer=True))


def save_figure(figure: Figure, path: Path) -> None:
    """Writes a PNG aside and renames it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with write_aside(path) as aside:
        figure.savefig(aside, dpi=150, format="png")

"""Figures of a sweep: every configuration as a line, and which parameter mattered."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments.figures import BLUE, GREY
from experiments.sweeping.board import text_of
from experiments.sweeping.study import open_study
from experiments.sweeping.sweep_file import Sweep

# Fewer ranked configurations say nothing about a parameter.
FEWEST = 4
LISTED = 8


def parallel_coordinates(board: pd.DataFrame, sweep: Sweep) -> Figure:
    """One vertical axis a parameter, the metric last; a line a ranked configuration.

    The colour is the rank: dark is good. Logarithmic parameters have logarithmic axes, listed
    values stand at even distances.

    Args:
        board: Of `leaderboard`.
        sweep: The sweep file.
    """
    ranked = board[board["state"] == "ranked"].sort_values("rank", ascending=False)
    names = [*(parameter.name for parameter in sweep.parameters), sweep.metric]
    figure = Figure(figsize=(max(5.0, 1.7 * len(names)), 3.8), layout="constrained")
    axes = figure.subplots()
    logarithmic = {p.name for p in sweep.parameters if "log" in p.kind}
    heights = []
    for place, name in enumerate(names):
        ticks, values = _scale(ranked[name], name in logarithmic)
        heights.append(values)
        axes.axvline(place, color=GREY, lw=0.8)
        for height, text in ticks:
            axes.text(place + 0.02, height, text, fontsize=7, va="center", color="#333333")
    colours = mpl.colormaps["viridis_r"](np.linspace(0.05, 1, max(len(ranked), 1)))
    for row, colour in zip(np.transpose(heights), colours, strict=False):
        axes.plot(range(len(names)), row, color=colour, lw=1.2, alpha=0.85)
    axes.set_xticks(range(len(names)), names, fontsize=8)
    axes.set_yticks([])
    axes.set(xlim=(-0.15, len(names) - 0.6), ylim=(-0.06, 1.06))
    axes.spines[:].set_visible(False)
    return figure


def importance(folder: Path, sweep: Sweep) -> dict[str, float] | str:
    """Share of the variance of the metric that each parameter explains, 1 in all.

    fANOVA (Hutter, Hoos and Leyton-Brown, An efficient approach for assessing hyperparameter
    importance, ICML 2014), by Optuna.

    Returns:
        A share a parameter, the largest first; or why there is none.
    """
    import optuna

    study = open_study(folder, sweep)
    scores = [trial.value for trial in study.get_trials(states=(optuna.trial.TrialState.COMPLETE,))]
    if len(scores) < FEWEST:
        return f"{len(scores)} ranked configurations: {FEWEST} are the fewest that say anything"
    if len(set(scores)) == 1:
        return "all configurations have the same score"
    found = optuna.importance.get_param_importances(
        study, evaluator=optuna.importance.FanovaImportanceEvaluator(seed=0)
    )
    return {name: float(share) for name, share in found.items()}


def importance_figure(shares: dict[str, float], title: str) -> Figure:
    """Bars, the most important parameter on top."""
    figure = Figure(figsize=(5.5, 0.7 + 0.35 * len(shares)), layout="constrained")
    axes: Axes = figure.subplots()
    axes.barh(range(len(shares)), list(shares.values()), color=BLUE)
    axes.set_yticks(range(len(shares)), list(shares), fontsize=8)
    axes.invert_yaxis()
    axes.margins(x=0.15)
    for place, share in enumerate(shares.values()):
        axes.text(share, place, f" {share:.0%}", va="center", fontsize=8)
    axes.set_title(title, loc="left", fontsize=9)
    axes.spines[["top", "right"]].set_visible(False)
    return figure


def svg(figure: Figure, salt: str) -> str:
    """A figure as an element of a page; `salt` keeps the names inside two of them apart."""
    written = io.StringIO()
    with mpl.rc_context({"svg.hashsalt": salt, "svg.fonttype": "none"}):
        figure.savefig(written, format="svg", metadata={"Date": None})
    text = written.getvalue()
    return text[text.index("<svg") :]


def _scale(column: pd.Series, logarithmic: bool) -> tuple[list[tuple[float, str]], Any]:
    """Heights from 0 to 1 of the values of an axis, and its ticks."""
    if not pd.api.types.is_numeric_dtype(column) or column.nunique() <= LISTED:
        listed = sorted(column.map(text_of).unique()) if column.dtype == object else None
        texts = column.map(text_of)
        order = (
            [text_of(value) for value in sorted(column.unique())]
            if pd.api.types.is_numeric_dtype(column)
            else listed or sorted(texts.unique())
        )
        height = {text: (n + 0.5) / len(order) for n, text in enumerate(order)}
        return [(h, text) for text, h in height.items()], texts.map(height).to_numpy(float)
    values = column.to_numpy(float)
    low, high = values.min(), values.max()
    marks = np.geomspace(low, high, 4) if logarithmic else np.linspace(low, high, 4)
    ends = np.log(marks) if logarithmic else marks
    placed = np.log(values) if logarithmic else values
    ticks = [
        ((end - ends[0]) / (ends[-1] - ends[0]), text_of(float(mark)))
        for end, mark in zip(ends, marks, strict=True)
    ]
    return ticks, (placed - ends[0]) / (ends[-1] - ends[0])

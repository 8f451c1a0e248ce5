"""How the report's figures look: one column of a journal wide, for every colour vision."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from data_modules.files import write_aside
from experiments.figures import BLUE, GREY, VERMILION

mpl.use("Agg")

COLUMN_INCHES = 3.5
LABEL, SMALL = 8.0, 7.0
GREEN = "#009E73"
COLOUR = {"low": BLUE, "high": VERMILION}
LINE = {"low": "-", "high": "--"}
SETTINGS = {
    "font.size": LABEL,
    "axes.labelsize": LABEL,
    "axes.titlesize": LABEL,
    "xtick.labelsize": SMALL,
    "ytick.labelsize": SMALL,
    "legend.fontsize": SMALL,
    "axes.linewidth": 0.6,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "lines.linewidth": 1.3,
    "axes.spines.top": False,
    "axes.spines.right": False,
    # The same figure is the same bytes.
    "svg.hashsalt": "mmsurv",
}


@contextmanager
def styled() -> Iterator[None]:
    """Figures made and saved inside look as the report's."""
    with mpl.rc_context(SETTINGS):
        yield


def column_figure(inches_high: float) -> Figure:
    """An empty figure of one column's width."""
    return Figure(figsize=(COLUMN_INCHES, inches_high), layout="constrained")


def p_text(p: float) -> str:
    """A p value as a reader expects it.

    Example:
        >>> p_text(0.0312), p_text(1e-9), p_text(float("nan"))
        ('= 0.031', '< 0.001', 'not computable')
    """
    if p != p:
        return "not computable"
    return "< 0.001" if p < 0.001 else f"= {p:.3f}"


def hazard_axis(axes: Axes, lowest: float, highest: float) -> None:
    """A logarithmic axis of hazard ratios with plain numbers, between ends that are both shown."""
    ends = max(lowest * 0.9, 0.05), min(highest * 1.1, 50.0)
    axes.set_xscale("log")
    axes.set_xlim(*ends)
    wide = ends[1] / ends[0] > 8
    ticks = [t for t in (0.1, 0.2, 0.5, 1, 1.5, 2, 3, 5, 10, 20) if ends[0] <= t <= ends[1]]
    ticks = [t for t in ticks if not (wide and t in (1.5, 3))]
    axes.set_xticks(ticks, [f"{t:g}" for t in ticks])
    axes.minorticks_off()
    axes.axvline(1, color=GREY, lw=0.7)


def save(figure: Figure, folder: Path, name: str) -> None:
    """Writes figures/<name>.png and .svg."""
    (folder / "figures").mkdir(parents=True, exist_ok=True)
    for kind, more in (("png", {"dpi": 300}), ("svg", {"metadata": {"Date": None}})):
        with write_aside(folder / "figures" / f"{name}.{kind}") as aside:
            figure.savefig(aside, format=kind, **more)

"""The layout of a report as a picture, drawn from its JSON."""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch, Rectangle

from data_modules.files import write_aside
from experiments.figures import BLUE, GREY, VERMILION

WIDTH = 24
HEADING = 2.2
GAP = 0.25
# Inches of the figure for a unit of W&B's grid, across and down.
ACROSS, DOWN = 0.36, 0.24
# A picture that is drawn again is the same file.
SAME_BYTES = {"svg.hashsalt": "dashboard", "svg.fonttype": "none"}
KINDS = {
    "Bar Chart": "bars",
    "Scatter Plot": "points",
    "Parallel Coordinates Plot": "parallel coordinates",
    "Parameter Importance": "parameter importance",
    "Run History Line Plot": "lines",
    "Media Browser": "pictures of the runs",
}


def draw(content: dict[str, Any], path: Path) -> None:
    """Draws every panel where W&B will put it, with its kind and what it shows.

    Args:
        content: JSON of a report.
        path: Picture to write; its ending is the format.
    """
    placed, bottom = _places(content)
    figure = Figure(figsize=(WIDTH * ACROSS, bottom * DOWN), layout="constrained")
    axes: Axes = figure.subplots()
    for top, heading in ((y, text) for y, text, panel in placed if panel is None):
        axes.text(0, top + HEADING - 0.7, heading, fontsize=11, fontweight="bold")
    for top, _, panel in placed:
        if panel is not None:
            _panel(axes, top, panel)
    axes.set(xlim=(-0.2, WIDTH + 0.2), ylim=(bottom, 0))
    axes.set_axis_off()
    with write_aside(path) as aside, mpl.rc_context(SAME_BYTES):
        figure.savefig(
            aside,
            format=path.suffix.removeprefix("."),
            dpi=110,
            metadata={"Date": None} if path.suffix == ".svg" else None,
        )


def panels(content: dict[str, Any]) -> list[dict[str, Any]]:
    """Every panel of a report, in order.

    Example:
        >>> panels({"spec": {"blocks": [{"type": "paragraph"}]}})
        []
    """
    return [
        panel
        for block in content["spec"]["blocks"]
        if block["type"] == "panel-grid"
        for panel in block["metadata"]["panelBankSectionConfig"]["panels"]
    ]


def shown(panel: dict[str, Any]) -> list[str]:
    """The names that a panel reads from runs: of metrics, media and configuration.

    Example:
        >>> shown({"config": {"xAxis": "fold0/epoch", "metrics": ["fold0/val/loss"]}})
        ['fold0/val/loss', 'fold0/epoch']
    """
    config = panel["config"]
    names = [*config.get("metrics", []), *config.get("mediaKeys", [])]
    names += [column["accessor"] for column in config.get("columns", [])]
    names += [config[key] for key in ("xAxis", "yAxis", "targetKey") if config.get(key)]
    if config.get("groupBy"):
        names.append("config:" + config["groupBy"])
    return names


def _places(content: dict[str, Any]) -> tuple[list[tuple[float, str, Any]], float]:
    """Top edge, heading and panel of everything, and the bottom of all."""
    placed: list[tuple[float, str, Any]] = []
    top = 0.0
    for block in content["spec"]["blocks"]:
        if block["type"] == "heading":
            placed.append((top, block["children"][0]["text"], None))
            top += HEADING
        if block["type"] != "panel-grid":
            continue
        inside = block["metadata"]["panelBankSectionConfig"]["panels"]
        placed += [(top, "", panel) for panel in inside]
        top += max(panel["layout"]["y"] + panel["layout"]["h"] for panel in inside) + 0.8
    return placed, top


def _panel(axes: Axes, top: float, panel: dict[str, Any]) -> None:
    box = panel["layout"]
    left, above, width, height = box["x"], top + box["y"], box["w"], box["h"]
    axes.add_patch(
        FancyBboxPatch(
            (left + GAP, above + GAP), width - 2 * GAP, height - 2 * GAP,
            boxstyle="round,pad=0,rounding_size=0.2", fc="#fafafa", ec=GREY, lw=0.8,
        )
    )  # fmt: skip
    kind = KINDS.get(panel["viewType"], panel["viewType"])
    title = panel["config"].get("chartTitle") or kind
    characters = int((width - 1) * 5)
    axes.text(left + 0.7, above + 1.0, textwrap.shorten(title, characters, placeholder=" …"),
              fontsize=7.5, fontweight="bold", va="center")  # fmt: skip
    names = ", ".join(plain(name) for name in shown(panel))
    axes.text(left + 0.7, above + height - 0.7, "\n".join(textwrap.wrap(
        f"{kind}: {names}", int(characters * 1.25))[:2]), fontsize=6, color="#555555",
        va="bottom")  # fmt: skip
    _sketch(axes, panel["viewType"], (left + 0.8, above + 1.7, width - 1.6, height - 4.4))


def plain(name: str) -> str:
    """A name as the runs have it, without the section that W&B writes before it.

    Example:
        >>> plain("config:fusion.value"), plain("summary:cv/c_index")
        ('fusion', 'cv/c_index')
    """
    name = name.split(":", 1)[-1] if name.startswith(("config:", "summary:", "run:")) else name
    return name.replace(".value.", ".").removesuffix(".value")


def _sketch(axes: Axes, kind: str, box: tuple[float, float, float, float]) -> None:
    """A few strokes that say what kind of panel it is; no data."""
    left, top, width, height = box
    if kind in ("Bar Chart", "Parameter Importance"):
        for bar, share in enumerate((0.82, 0.74, 0.7, 0.55)):
            y = top + (bar + 0.15) * height / 4
            axes.add_patch(Rectangle((left, y), share * width, height / 6, fc=BLUE, alpha=0.35))
            if kind == "Bar Chart":
                ends = [left + (share - 0.05) * width, left + (share + 0.05) * width]
                axes.plot(ends, [y + height / 12] * 2, color=GREY, lw=1)
    elif kind == "Run History Line Plot":
        steps = [i / 20 for i in range(21)]
        for low, colour in ((0.55, VERMILION), (0.9, BLUE)):
            heights = [top + height * (0.1 + low * 0.85 * (1 - (1 - s) ** 3)) for s in steps]
            axes.plot([left + s * width for s in steps], heights, color=colour, lw=1.2, alpha=0.6)
    elif kind == "Parallel Coordinates Plot":
        for place in range(4):
            axes.plot([left + place * width / 3] * 2, [top, top + height], color=GREY, lw=0.8)
        for row in ((0.2, 0.7, 0.3, 0.1), (0.8, 0.4, 0.6, 0.5), (0.5, 0.2, 0.9, 0.9)):
            axes.plot([left + i * width / 3 for i in range(4)], [top + r * height for r in row],
                      color=BLUE, lw=1, alpha=0.5)  # fmt: skip
    elif kind == "Scatter Plot":
        points = ((0.1, 0.8), (0.3, 0.6), (0.45, 0.65), (0.6, 0.35), (0.8, 0.3), (0.9, 0.1))
        axes.plot([left + x * width for x, _ in points], [top + y * height for _, y in points],
                  "o", ms=3, color=BLUE, alpha=0.5)  # fmt: skip
    else:
        for half in (0, 1):
            start = left + half * width / 2
            axes.add_patch(Rectangle((start, top), width * 0.47, height, fc="white", ec=GREY))
            for drop, colour in ((0.35, BLUE), (0.75, VERMILION)):
                axes.step([start + x * width * 0.42 + 0.2 for x in (0, 0.25, 0.5, 0.75, 1)],
                          [top + height * (0.08 + drop * x) for x in (0, 0.25, 0.5, 0.75, 1)],
                          where="post", color=colour, lw=1.2, alpha=0.6)  # fmt: skip

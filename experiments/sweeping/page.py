"""The sweep as one page of HTML that needs no network and no script."""

from __future__ import annotations

import html
from typing import Any

import pandas as pd

from data_modules.files import write_aside
from experiments.sweeping.agent import Order
from experiments.sweeping.board import INNER_SD, OUTER, OUTER_SD, text_of
from experiments.sweeping.figures import (
    importance,
    importance_figure,
    parallel_coordinates,
    svg,
)
from experiments.sweeping.sweep_file import Sweep
from experiments.table import number

NAME = "sweep.html"
STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 70rem; padding: 0 1rem;
  color: #1a1a1a; background: #fff }
table { border-collapse: collapse; font-size: 13px; font-variant-numeric: tabular-nums }
th, td { padding: .25rem .7rem; text-align: right; border-bottom: 1px solid #ddd }
th { position: sticky; top: 0; background: #fff }
tr.first td { background: #eaf4fb; font-weight: 600 }
td.why { text-align: left; color: #555 }
svg { max-width: 100%; height: auto }
p { max-width: 46rem }
"""


def write_page(board: pd.DataFrame, order: Order) -> None:
    """Writes sweep.html: the figures, the leaderboard, and what the numbers are."""
    sweep = order.sweep
    ranked = int((board["state"] == "ranked").sum())
    counts = ", ".join(f"{n} {state}" for state, n in board["state"].value_counts().items())
    parts = [
        f"<h1>{_safe(sweep.name)}</h1>",
        f"<p>{_safe(sweep.method)}, {_safe(sweep.goal)} {_safe(sweep.metric)}; "
        f"{len(board)} of {order.total} configurations: {counts}.</p>",
        f"<p>{_meaning(sweep)}</p>",
        "<h2>Every ranked configuration</h2>",
        svg(parallel_coordinates(board, sweep), "parallel") if ranked else "<p>None yet.</p>",
        "<h2>What decided</h2>",
        _importance(order),
        "<h2>Leaderboard</h2>",
        _table(board, sweep),
    ]
    title = f"<title>sweep {_safe(sweep.name)}</title>"
    page = (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8">{title}'
        f"<style>{STYLE}</style></head>\n<body>\n" + "\n".join(parts) + "\n</body></html>\n"
    )
    with write_aside(order.folder / NAME) as aside:
        aside.write_text(page, encoding="utf-8")


def _meaning(sweep: Sweep) -> str:
    shown = (
        "In a grid every arm has its outer C-index beside it. Picking an arm by that column would "
        "report the luckiest one."
        if sweep.method == "grid"
        else "Only the winner has its outer C-index beside it: the best of many would be the "
        "luckiest one."
    )
    return (
        f"{_safe(sweep.metric)} is a mean over folds of the inner splits, at the epoch that was "
        f"kept; no outer fold enters it. It is for choosing and not for reporting. {shown}"
    )


def _importance(order: Order) -> str:
    shares = importance(order.folder, order.sweep)
    if isinstance(shares, str):
        return f"<p>{_safe(shares)}.</p>"
    note = (
        "<p>Share of the variance between configurations that each parameter explains (fANOVA). "
        "Of few configurations it is a hint.</p>"
    )
    return svg(importance_figure(shares, order.sweep.metric), "importance") + note


def _table(board: pd.DataFrame, sweep: Sweep) -> str:
    names = [parameter.name for parameter in sweep.parameters]
    heads = ["rank", "configuration", *names, sweep.metric, "outer C-index", ""]
    rows = ["<tr>" + "".join(f"<th>{_safe(head)}</th>" for head in heads) + "</tr>"]
    for row in board.to_dict("records"):
        ranked = not pd.isna(row["rank"])
        cells = [
            str(int(row["rank"])) if ranked else str(row["state"]),
            str(row["configuration"]),
            *(text_of(row[name]) for name in names),
            _with_sd(row[sweep.metric], row[INNER_SD]),
            _with_sd(row[OUTER], row[OUTER_SD]),
        ]
        first = ' class="first"' if ranked and row["rank"] == 1 else ""
        rows.append(
            f"<tr{first}>" + "".join(f"<td>{_safe(cell)}</td>" for cell in cells)
            + f'<td class="why">{_safe(row["reason"])}</td></tr>'
        )  # fmt: skip
    return "<table>\n" + "\n".join(rows) + "\n</table>"


def _with_sd(value: float, sd: float) -> str:
    return "–" if value != value else f"{number(value)} ± {number(sd)}"


def _safe(text: Any) -> str:
    return html.escape(str(text))

"""The result table: one line a fold, mean ± sd below."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rich import box
from rich.table import Table

from experiments.config import RunConfig


def result_table(scores: dict[str, Any], config: RunConfig) -> Table:
    """What the run found, as a person reads it; AUC stands in metrics.json and metrics.csv too."""
    ibs = [f"ibs_{h:g}y" for h in config.horizons]
    table = Table(
        title=f"{config.fusion}, {'+'.join(config.modalities)}, protocol {scores['protocol']}",
        title_justify="left",
        # Two horizons fit 80 characters.
        box=box.SIMPLE_HEAD,
        padding=0,
        show_edge=False,
        caption="\n".join(filter(None, [c_index_line(scores), grid_line(scores)])),
        caption_justify="left",
        caption_style="",
    )
    headings = ["fold", "patients", "events", "comparable\npairs", "C-index"]
    headings += [f"IBS {h:g} y" for h in config.horizons]
    widths = [9, 8, 6, 10] + [13] * (1 + len(config.horizons))
    for heading, width in zip(headings, widths, strict=True):
        # A narrow terminal breaks lines; it must not cut numbers.
        table.add_column(heading, justify="right", min_width=width)
    metrics = ["c_index", *ibs]
    for fold in scores["folds"]:
        counts = [fold["fold"], fold["patients"], fold["events"], fold["comparable_pairs"]]
        table.add_row(*map(str, counts), *(number(fold[name]["value"]) for name in metrics))
    table.add_section()
    table.add_row(
        "mean ± sd",
        str(scores["patients"]),
        str(scores["events"]),
        str(scores.get("comparable_pairs", "")),
        *(f"{number(scores['cv'][m]['mean'])} ± {number(scores['cv'][m]['sd'])}" for m in metrics),
    )
    return table


def c_index_line(scores: dict[str, Any]) -> str:
    """What the mean C-index stands on: its corrected interval, and the band of chance."""
    c_index = scores["cv"]["c_index"]
    lower, upper, *null = (
        number(c_index.get(end, float("nan")))
        for end in ("lower", "upper", "null_lower", "null_upper")
    )
    return (
        f"C-index: corrected 95 % interval {lower} to {upper}, "
        f"95 % of chance {null[0]} to {null[1]}"
    )


def grid_line(scores: dict[str, Any]) -> str:
    """On which times the Brier score was integrated."""
    grids = [fold.get("grid_years", []) for fold in scores["folds"]]
    told = grid_words([(grid[0], grid[-1], len(grid)) for grid in grids if len(grid)])
    return f"IBS: legal time grid {told}" if told else ""


def grid_words(grids: Sequence[tuple[float, float, int]]) -> str:
    """Times of the shortest fold and of the longest, in years.

    Args:
        grids: First, last and number of times of each fold that has any.

    Example:
        >>> grid_words([(0.25, 10.0, 40), (0.25, 9.5, 38)])
        '0.25 to 9.5 years, 38 times (longest fold to 10, 40)'
        >>> grid_words([(0.25, 10.0, 40)] * 2), grid_words([])
        ('0.25 to 10 years, 40 times', '')
    """
    if not grids:
        return ""
    short, long = (pick(grids, key=lambda grid: grid[1]) for pick in (min, max))
    told = f"{short[0]:g} to {short[1]:g} years, {short[2]} times"
    return told if short[1] == long[1] else f"{told} (longest fold to {long[1]:g}, {long[2]})"


def baseline_table(baselines: dict[str, Any], config: RunConfig) -> Table:
    """The classical models of the same folds, one line each."""
    table = Table(
        title="classical models in the same folds, fitted on everybody outside the fold",
        title_justify="left",
        box=box.SIMPLE_HEAD,
        padding=0,
        show_edge=False,
    )
    table.add_column("model", min_width=max(map(len, baselines)))
    metrics = ["c_index", *(f"ibs_{h:g}y" for h in config.horizons)]
    for heading in ("C-index", *(f"IBS {h:g} y" for h in config.horizons)):
        table.add_column(heading, justify="right", min_width=13)
    for name, scores in baselines.items():
        cv = scores["cv"]
        table.add_row(name, *(f"{number(cv[m]['mean'])} ± {number(cv[m]['sd'])}" for m in metrics))
    return table


def baseline_reasons(baselines: dict[str, Any]) -> list[str]:
    """Why a classical model has no C-index, one line each."""
    return [
        f"{name}: {scores['cv']['c_index']['reason']}"
        for name, scores in baselines.items()
        if scores["cv"]["c_index"]["mean"] != scores["cv"]["c_index"]["mean"]
    ]


def reasons(scores: dict[str, Any]) -> list[str]:
    """Why numbers are missing, one line a fold and reason."""
    lines = []
    for fold in scores["folds"]:
        by_reason: dict[str, list[str]] = {}
        for name in scores["cv"]:
            by_reason.setdefault(fold[name]["reason"], []).append(name)
        by_reason.pop("", None)
        lines += [
            f"{', '.join(names)} of fold {fold['fold']}: {why}" for why, names in by_reason.items()
        ]
    lines += [
        f"{name} of all folds: {found['reason']}"
        for name, found in scores["pooled"].items()
        if found["reason"]
    ]
    if scores["logrank_p"]["reason"]:
        lines.append(f"log-rank: {scores['logrank_p']['reason']}")
    return lines


def number(value: float) -> str:
    """Three decimals, or a dash for what could not be computed.

    Example:
        >>> number(0.6543), number(float("nan"))
        ('0.654', '–')
    """
    return "–" if value != value else f"{value:.3f}"

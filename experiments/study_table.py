"""The paper's table: C-index fold by fold and arm by arm, beside what the paper reports."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from rich import box
from rich.console import Console
from rich.table import Table

from data_modules.files import write_aside
from experiments.published import BRIER, BRIER_ARM, SOURCE, published
from experiments.run_folder import write_csv, write_json
from mmsurv.metrics.functional import Estimate, corrected_resampled

PAPER = "paper"


class Column(NamedTuple):
    """An arm under a protocol, and its scores as in metrics.json."""

    arm: str
    protocol: str
    scores: dict[str, Any]

    def folds(self) -> dict[int, float]:
        """C-index by fold."""
        return {f["fold"]: f["c_index"]["value"] for f in self.scores["folds"]}


def write_study(columns: Sequence[Column], horizons: tuple[float, ...], folder: Path) -> None:
    """Writes table1.csv, table1.md and table1.json."""
    write_csv(study_rows(columns, horizons), folder / "table1.csv")
    with write_aside(folder / "table1.md") as aside:
        aside.write_text(study_markdown(columns, horizons), encoding="utf-8")
    write_json(
        folder / "table1.json",
        {
            "source_of_paper": SOURCE,
            "arms": [
                {
                    "arm": column.arm,
                    "protocol": column.protocol,
                    **column.scores,
                    PAPER: paper._asdict() if (paper := published(column.arm)) else None,
                }
                for column in columns
            ],
            "gap": gaps(columns),
        },
    )


def study_rows(columns: Sequence[Column], horizons: tuple[float, ...]) -> pd.DataFrame:
    """One row an arm, protocol and fold, then what they amount to.

    That is mean, sd, the corrected 95 % interval (lower, upper) and, of the C-index, the band of
    rankings without information (null_lower, null_upper). The paper's folds are other patients.
    """
    rows: list[dict[str, Any]] = []
    for column in columns:
        paper, cv = published(column.arm), column.scores["cv"]
        for fold in column.scores["folds"]:
            k = fold["fold"]
            rows.append(
                {
                    "arm": column.arm,
                    "protocol": column.protocol,
                    "fold": str(k),
                    **{name: fold[name] for name in ("patients", "events", "comparable_pairs")},
                    "c_index": fold["c_index"]["value"],
                    **{_ibs(h): fold[_ibs(h)]["value"] for h in horizons},
                    "c_index_paper": paper.folds[k] if paper and k < len(paper.folds) else np.nan,
                }
            )
        for kind in ("mean", "sd", "lower", "upper", "null_lower", "null_upper"):
            rows.append(
                {
                    "arm": column.arm,
                    "protocol": column.protocol,
                    "fold": kind,
                    # Runs of earlier versions have no bands.
                    "c_index": cv["c_index"].get(kind, np.nan),
                    **{_ibs(h): cv[_ibs(h)].get(kind, np.nan) for h in horizons},
                    "c_index_paper": getattr(paper, kind, np.nan),
                }
            )
    return pd.DataFrame(rows)


def gaps(columns: Sequence[Column]) -> dict[str, dict[str, Any]]:
    """By arm, C-index under protocol paper minus nested, fold by fold and on average.

    The held-out patients are the same: what is left is what choosing the epoch on them gains. The
    interval and p are those of `corrected_resampled`; NaN where it is not known how large a fold
    is beside its training patients (`test_share` of metrics.json).

    Example:
        >>> def column(protocol, value):
        ...     folds = [{"fold": 0, "c_index": {"value": value}}]
        ...     return Column("image", protocol, {"folds": folds})
        >>> round(gaps([column("nested", 0.5), column("paper", 0.75)])["image"]["mean"], 2)
        0.25
    """
    found: dict[str, dict[str, Any]] = {}
    for column in columns:
        others = [c for c in columns if c.arm == column.arm and c.protocol == "nested"]
        if column.protocol == PAPER and others:
            nested = others[0].folds()
            by_fold = {k: value - nested[k] for k, value in column.folds().items()}
            values = np.array(list(by_fold.values()))
            share = float(column.scores.get("test_share", 0.0))
            interval = Estimate.missing("how large a fold is is not known")
            if share > 0:
                interval = corrected_resampled(values, test_share=share)
            found[column.arm] = {
                "folds": by_fold,
                "mean": float(values.mean()),
                "sd": float(values.std(ddof=1)) if len(values) > 1 else float("nan"),
                "lower": interval.lower,
                "upper": interval.upper,
                "p": interval.p,
            }
    return found


def study_markdown(columns: Sequence[Column], horizons: tuple[float, ...]) -> str:
    """A table a protocol as the paper prints it, the paper's own, and the gap."""
    lines: list[str] = []
    for protocol in dict.fromkeys(column.protocol for column in columns):
        own = [column for column in columns if column.protocol == protocol]
        first = own[0].scores
        lines += [
            f"## C-index, protocol {protocol}",
            "",
            f"{first['patients']} patients, {first['events']} events, "
            f"{first.get('comparable_pairs', 'unknown')} comparable pairs; "
            "all arms share the folds.",
            "",
            "95 %: Nadeau and Bengio's interval. Chance: 95 % of rankings without information.",
            "",
            _line(["fold", "patients", "events", "pairs", *(c.arm for c in own)]),
            _line(["---"] * (4 + len(own))),
        ]
        lines += [_line(row) for row in _body(own, horizons)]
        lines.append("")
    compared = [(arm, paper) for arm in _arms(columns) if (paper := published(arm))]
    if compared:
        lines += [
            f"## C-index in the paper ({SOURCE})",
            "",
            "249 patients, protocol paper; its folds hold other patients than those above.",
            "",
            _line(["fold", *(arm for arm, _ in compared)]),
            _line(["---"] * (1 + len(compared))),
            *(
                _line([str(k + 1), *(f"{paper.folds[k]:.2f}" for _, paper in compared)])
                for k in range(5)
            ),
            _line(["mean ± sd", *(_pm(paper.mean, paper.sd) for _, paper in compared)]),
            "",
            "Integrated Brier score of its multimodal model: "
            + ", ".join(f"{value:.2f} over {years:g} years" for years, value in BRIER.items())
            + ".",
            "",
        ]
    if found := gaps(columns):
        lines += [
            "## Paper minus nested",
            "",
            "The same held-out patients: the gap is what choosing the epoch on them gains.",
            "",
            _line(["arm", "gap in C-index, mean ± sd over folds", "95 %, corrected"]),
            _line(["---"] * 3),
            *(_line([arm, *_gap(gap)]) for arm, gap in found.items()),
            "",
        ]
    return "\n".join(lines)


def print_study(columns: Sequence[Column], horizons: tuple[float, ...], console: Console) -> None:
    """The tables on a terminal; seven arms fit 80 characters."""
    for protocol in dict.fromkeys(column.protocol for column in columns):
        own = [column for column in columns if column.protocol == protocol]
        table = Table(
            title=f"C-index, protocol {protocol}, {own[0].scores['patients']} patients",
            title_justify="left",
            box=box.SIMPLE_HEAD,
            padding=0,
            show_edge=False,
        )
        for heading in ("fold", "events", "pairs"):
            table.add_column(heading, justify="right", min_width=5)
        for column in own:
            words = column.arm.replace("+", "\n").replace("@", "\n").replace("_", "\n", 1)
            # A narrow terminal breaks lines; it must not cut names or numbers.
            width = max(5, *map(len, words.split("\n")))
            table.add_column(words, justify="right", min_width=width)
        for name, _, *cells in _body(own, horizons):
            row = (name.replace("IBS ", "IBS\n"), *cells)
            table.add_row(*(c.replace(" ± ", "\n±").replace(" to ", "\n–") for c in row))
        console.print(table)
    for arm, gap in gaps(columns).items():
        console.print(
            f"– {arm}: protocol paper minus nested,\n  {', corrected 95 % '.join(_gap(gap))}"
        )
    reasons = {
        f"– {c.arm}, {c.protocol}: {reason}"
        for c in columns
        if (reason := c.scores["cv"]["c_index"]["reason"])
    }
    for reason in sorted(reasons):
        console.print(reason)


def _body(own: Sequence[Column], horizons: tuple[float, ...]) -> list[list[str]]:
    """Cells of the rows: folds, mean ± sd, the paper's, Brier scores and the paper's."""
    rows = [
        [
            str(fold["fold"]),
            *(str(fold[name]) for name in ("patients", "events", "comparable_pairs")),
            *(_two(column.folds()[fold["fold"]]) for column in own),
        ]
        for fold in own[0].scores["folds"]
    ]
    blank = ["", "", ""]
    rows.append(["mean ± sd", *blank, *(_summary(c, "c_index") for c in own)])
    rows.append(["95 %", *blank, *(_band(c.scores["cv"]["c_index"], "") for c in own)])
    rows.append(["chance", *blank, *(_band(c.scores["cv"]["c_index"], "null_") for c in own)])
    papers = [published(column.arm) for column in own]
    if any(papers):
        rows.append([PAPER, *blank, *(_pm(p.mean, p.sd) if p else "–" for p in papers)])
    for horizon in horizons:
        name = f"IBS {horizon:g} y"
        rows.append([name, *blank, *(_summary(c, _ibs(horizon)) for c in own)])
        if horizon in BRIER and any(column.arm == BRIER_ARM for column in own):
            told = (_two(BRIER[horizon]) if c.arm == BRIER_ARM else "–" for c in own)
            rows.append([PAPER, *blank, *told])
    return rows


def _arms(columns: Sequence[Column]) -> list[str]:
    return list(dict.fromkeys(column.arm for column in columns))


def _ibs(horizon: float) -> str:
    return f"ibs_{horizon:g}y"


def _summary(column: Column, name: str) -> str:
    entry = column.scores["cv"][name]
    return _pm(entry["mean"], entry["sd"])


def _band(found: dict[str, Any], name: str, *, sign: bool = False) -> str:
    """Both ends of an interval; a dash where there is none."""
    ends = [found.get(f"{name}{end}", np.nan) for end in ("lower", "upper")]
    if ends[0] != ends[0]:
        return "–"
    return " to ".join(format(end, "+.2f" if sign else ".2f") for end in ends)


def _gap(gap: dict[str, Any]) -> tuple[str, str]:
    return _pm(gap["mean"], gap["sd"], sign=True), _band(gap, "", sign=True)


def _pm(mean: float, sd: float, *, sign: bool = False) -> str:
    return f"{'–' if mean != mean else format(mean, '+.2f' if sign else '.2f')} ± {_two(sd)}"


def _two(value: float) -> str:
    return "–" if value != value else f"{value:.2f}"


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"

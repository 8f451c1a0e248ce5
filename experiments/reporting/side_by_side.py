"""Tables of all models side by side."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from itertools import product
from typing import Any

import pandas as pd

from experiments.published import SOURCE, published
from experiments.reporting.build import Report
from experiments.reporting.facts import band, known, shown
from experiments.reporting.folds import GRID
from experiments.reporting.markup import left_out, table
from experiments.reporting.style import p_text
from experiments.table import grid_words, number
from mmsurv.metrics.functional import Estimate

MODEL = "model, protocol, patients, events and pairs"
CHANCE = "95 % of chance"
COUNTS = ("patients", "events", "comparable_pairs")


def discrimination(report: Report) -> str:
    """C-indices with intervals and the band of chance."""
    headings = [MODEL, "C-index (95 %)", "sd of folds", "95 %, corrected"]
    headings += [CHANCE, "p of chance", "pooled by pairs (95 %)", CHANCE]
    rows = []
    for arm, c in _by_arm(report):
        cells = [_head(arm, c), shown(report.estimate(arm, "c_index"))]
        cells += [number(c["sd_folds"]), _range(c, "corrected"), _range(c, "null")]
        cells += [p_cell(c["p"]), shown(report.estimate(arm, "c_index_pooled"))]
        cells.append(_null(report, arm, "c_index_pooled"))
        rows.append(cells)
    caption = (
        "C-index, mean over folds. Its interval: bootstrap over patients within folds, other "
        "patients to score. Corrected: Nadeau and Bengio over folds and repeats, other patients to "
        "train on too. Chance: rankings without information"
    )
    return table(caption, headings, rows) + _at_horizons(
        report,
        {"c_uno": "Uno's C", "auc": "AUC"},
        "Discrimination at a horizon: mean over folds, bootstrap over patients within folds",
        banded=("c_uno",),
    )


def accuracy(report: Report) -> str:
    """Brier scores and calibration."""
    brier = _at_horizons(
        report,
        {"ibs": "IBS", "integrated_ipa": "integrated IPA"},
        "Accuracy of predicted risks. IBS: integrated Brier score, 0 is perfect. Integrated IPA: "
        "by what part it is lower than with one Kaplan–Meier risk for everybody; 0 is no gain."
        + legal_grid(report),
    )
    calibration = _at_horizons(
        report,
        {"calibration_slope": "slope", "observed_expected": "observed / expected"},
        "Calibration. Slope below 1: risks too extreme. Observed over expected events: above 1, "
        "risks too low. A small p of D-calibration says that risks are off somewhere; a large one "
        "proves nothing",
        {"d_calibration": "D-calibration p"},
        digits=2,
    )
    return brier + calibration


def legal_grid(report: Report) -> str:
    """On which times the IBS is integrated, by model where they differ; empty without any."""
    told: dict[str, list[str]] = {}
    for arm, folds in report.folds.groupby("arm", sort=False):
        rows = folds[folds["grid_times"] > 0]
        words = grid_words([*zip(*(rows[name].tolist() for name in GRID), strict=True)])
        if words:
            told.setdefault(words, []).append(str(arm))
    if not told:
        return ""
    one = len(told) == 1
    grids = "; ".join(words if one else f"{', '.join(arms)}: {words}"
                      for words, arms in told.items())  # fmt: skip
    return (
        " Legal time grid, the predicted times below the end of follow-up of a fold's training and "
        f"held-out patients, from which a horizon's part is integrated: {grids}"
    )


def comparisons(report: Report) -> str:
    """Paired comparisons."""
    heading = "<h3>Paired comparisons</h3>"
    if report.comparisons.empty:
        return heading + left_out("A paired comparison", "there is one model")
    rows = [
        [
            f"{r['first']} – {r['second']}", str(r["protocols"]),
            shown(Estimate(r["difference"], r["corrected_lower"], r["corrected_upper"])),
            p_cell(r["p"]), p_cell(r["p_holm"]),
            str(r["test"]).replace(" ", "\N{NO-BREAK SPACE}"), _range(r, "bootstrap"),
            *(_count(r[k]) for k in COUNTS), str(r["reason"]),
        ]
        for r in report.comparisons.to_dict("records")
    ]  # fmt: skip
    headings = ["models", "protocols", "difference in C-index (95 %, corrected)", "p"]
    headings += ["p after Holm", "p is of", "95 %, bootstrap", "patients", "events", "pairs"]
    caption = (
        "Paired comparisons on the same patients and folds, positive where the first is better. "
        "Interval and p: Nadeau and Bengio's t of the differences by fold, as folds share training "
        "patients; Holm corrects for all comparisons of the first model. The bootstrap takes the "
        "fitted models as given: it is too narrow for a claim about methods"
    )
    return heading + table(caption, [*headings, "why not"], rows)


def protocols(report: Report) -> str:
    """What choosing the epoch on the reported fold gains; nothing where no run has its twin."""
    if report.gaps.empty:
        return ""
    rows = [
        [
            f"{r['paper']} – {r['nested']}",
            number(r["c_index_nested"]), number(r["c_index_paper"]),
            shown(Estimate(r["gap"], r["corrected_lower"], r["corrected_upper"])),
            p_cell(r["p"]), *(_count(r[k]) for k in ("folds", *COUNTS)), str(r["reason"]),
        ]
        for r in report.gaps.to_dict("records")
    ]  # fmt: skip
    headings = ["model under both protocols", "C-index, nested", "C-index, paper"]
    headings += ["paper – nested (95 %, corrected)", "p", "folds", "patients", "events", "pairs"]
    caption = (
        "The gap between the protocols: what choosing the epoch on the reported patients gains in "
        "C-index, on the same patients and folds. Interval and p: Nadeau and Bengio's t by fold"
    )
    return "<h3>Protocols</h3>" + table(caption, [*headings, "why not"], rows)


def fold_by_fold(report: Report) -> str:
    """C-index of every fold and model, as the paper prints it, beside what the paper prints."""
    names = [study.arm.name for study in report.studies]
    wide = report.folds[report.folds["arm"].isin(names)]
    values = wide.pivot_table(index="fold", columns="arm", values="c_index", dropna=False)
    few = wide[wide["few_events"]].groupby("fold")["arm"].agg(set).to_dict()
    rows = [
        [
            str(fold),
            *(f"{number(row[n])}{' *' if n in few.get(fold, ()) else ''}" for n in names),
        ]
        for fold, row in values.iterrows()
    ]
    found = [report.metric(name, "c_index") for name in names]
    rows.append(["mean ± sd", *(f"{number(c['value'])} ± {number(c['sd_folds'])}" for c in found)])
    printed = [published(name.rpartition("/")[2]) for name in names]
    if any(printed):
        shown_ = [f"{p.mean:.2f} ± {p.sd:.2f}" if p else "–" for p in printed]
        rows.append([f"paper ({SOURCE}), other patients", *shown_])
    rows.append(["protocol", *(str(c["protocol"]) for c in found)])
    counts = (" / ".join(str(c[name]) for name in COUNTS) for c in found)
    rows.append(["patients / events / pairs", *counts])
    return table("C-index by fold; * fewer than ten events: mostly chance", ["fold", *names], rows)


def _by_arm(report: Report) -> list[tuple[str, pd.Series]]:
    arms: list[str] = report.metrics["arm"].unique().tolist()
    return [(arm, report.metric(arm, "c_index")) for arm in arms]


def _head(arm: str, c_index: pd.Series) -> str:
    """A model's name, and below it what its numbers stand on."""
    told = f"{c_index['patients']} patients, {c_index['events']} events, "
    told += f"{c_index['comparable_pairs']} pairs"
    return f"{arm}\nprotocol {c_index['protocol']}\n{told}"


def _at_horizons(
    report: Report,
    metrics: dict[str, str],
    caption: str,
    tests: dict[str, str] | None = None,
    *,
    banded: Sequence[str] = (),
    digits: int = 3,
) -> str:
    tests = tests or {}
    headings, rows = [MODEL], [[_head(arm, c)] for arm, c in _by_arm(report)]
    for horizon, metric in product(report.horizons, metrics):
        headings.append(f"{metrics[metric]}, {horizon:g} y (95 %)")
        headings += [CHANCE] if metric in banded else []
        for row, (arm, _) in zip(rows, _by_arm(report), strict=True):
            row.append(shown(report.estimate(arm, metric, horizon), digits))
            row += [_null(report, arm, metric, horizon)] if metric in banded else []
    for row, (arm, _) in zip(rows, _by_arm(report), strict=True):
        row += [p_cell(report.estimate(arm, metric).p) for metric in tests]
    return table(caption, [*headings, *tests.values()], rows)


def p_cell(p: float) -> str:
    """A p value in a table.

    Example:
        >>> p_cell(0.0001), p_cell(0.25), p_cell(float("nan"))
        ('< 0.001', '0.250', '–')
    """
    return p_text(p).removeprefix("= ") if p == p else "–"


def _null(report: Report, arm: str, metric: str, horizon: float | None = None) -> str:
    """The band of chance of a C-index; a dash where the model lacks it."""
    if not known(report.estimate(arm, metric, horizon)):
        return "–"
    return _range(report.metric(arm, metric, horizon), "null")


def _range(row: Mapping[Hashable, Any] | pd.Series, name: str) -> str:
    return band(row[f"{name}_lower"], row[f"{name}_upper"])


def _count(value: float) -> str:
    return "–" if value != value else f"{value:.0f}"

"""Tables of all models side by side."""

from __future__ import annotations

import pandas as pd

from experiments.published import SOURCE, published
from experiments.reporting.build import Report
from experiments.reporting.facts import shown
from experiments.reporting.markup import left_out, table
from experiments.reporting.style import p_text
from experiments.table import number
from mmsurv.metrics.functional import Estimate

MODEL = "model, protocol, patients and events"


def discrimination(report: Report) -> str:
    """C-indices with intervals and the band of chance."""
    headings = [MODEL, "C-index (95 %)", "sd of folds", "95 %, corrected"]
    headings += ["95 % of chance", "p of chance", "pooled by pairs (95 %)", "pairs"]
    rows = []
    for arm, c in _by_arm(report):
        cells = [_head(arm, c), shown(report.estimate(arm, "c_index"))]
        cells += [number(c["sd_folds"]), _range(c, "corrected"), _range(c, "null")]
        cells += [p_cell(c["p"]), shown(report.estimate(arm, "c_index_pooled"))]
        cells.append(str(c["comparable_pairs"]))
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
    )


def accuracy(report: Report) -> str:
    """Brier scores and calibration."""
    brier = _at_horizons(
        report,
        {"ibs": "IBS", "integrated_ipa": "integrated IPA"},
        "Accuracy of predicted risks. IBS: integrated Brier score, 0 is perfect. Integrated IPA: "
        "by what part it is lower than with one Kaplan–Meier risk for everybody; 0 is no gain",
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


def comparisons(report: Report) -> str:
    """Paired comparisons."""
    heading = "<h3>Paired comparisons</h3>"
    if report.comparisons.empty:
        return heading + left_out("A paired comparison", "there is one model")
    rows = [
        [
            f"{r['first']} – {r['second']}", str(r["protocols"]),
            shown(Estimate(r["difference"], r["lower"], r["upper"])),
            p_cell(r["p"]), p_cell(r["p_holm"]),
            *(_count(r[k]) for k in ("patients", "events", "comparable_pairs")), str(r["reason"]),
        ]
        for r in report.comparisons.to_dict("records")
    ]  # fmt: skip
    headings = ["models", "protocols", "difference in C-index (95 %)", "p", "p after Holm"]
    headings += ["patients", "events", "pairs", "why not"]
    caption = (
        "Paired comparisons on the same patients and folds, positive where the first is better. "
        "Holm corrects for all comparisons of the first model"
    )
    return heading + table(caption, headings, rows)


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
    rows.append(["patients / events", *(f"{c['patients']} / {c['events']}" for c in found)])
    return table("C-index by fold; * fewer than ten events: mostly chance", ["fold", *names], rows)


def _by_arm(report: Report) -> list[tuple[str, pd.Series]]:
    arms: list[str] = report.metrics["arm"].unique().tolist()
    return [(arm, report.metric(arm, "c_index")) for arm in arms]


def _head(arm: str, c_index: pd.Series) -> str:
    """A model's name, and below it what its numbers stand on."""
    told = f"{c_index['patients']} patients, {c_index['events']} events"
    return f"{arm}\nprotocol {c_index['protocol']}; {told}"


def _at_horizons(
    report: Report,
    metrics: dict[str, str],
    caption: str,
    tests: dict[str, str] | None = None,
    *,
    digits: int = 3,
) -> str:
    tests = tests or {}
    headings = [f"{name}, {h:g} y (95 %)" for h in report.horizons for name in metrics.values()]
    rows = [
        [
            _head(arm, c),
            *(shown(report.estimate(arm, m, h), digits) for h in report.horizons for m in metrics),
            *(p_cell(report.estimate(arm, m).p) for m in tests),
        ]
        for arm, c in _by_arm(report)
    ]
    return table(caption, [MODEL, *headings, *tests.values()], rows)


def p_cell(p: float) -> str:
    """A p value in a table.

    Example:
        >>> p_cell(0.0001), p_cell(0.25), p_cell(float("nan"))
        ('< 0.001', '0.250', '–')
    """
    return p_text(p).removeprefix("= ") if p == p else "–"


def _range(row: pd.Series, name: str) -> str:
    low, high = row[f"{name}_lower"], row[f"{name}_upper"]
    return "–" if low != low else f"{number(low)} to {number(high)}"


def _count(value: float) -> str:
    return "–" if value != value else f"{value:.0f}"

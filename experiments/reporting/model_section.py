"""The section on one model: its figures, subgroups and folds."""

from __future__ import annotations

from pathlib import Path

from experiments.reporting.build import Report, Study
from experiments.reporting.facts import band, shown
from experiments.reporting.figures import Drawn
from experiments.reporting.folds import column
from experiments.reporting.markup import figure, left_out, paragraph, table
from experiments.table import number
from mmsurv.metrics.functional import Estimate

PROTOCOLS = {
    "nested": "an inner split stops the training, and the outer fold is scored once",
    "paper": "the outer fold stops the training and is scored, as published: optimistic",
    "not known": "how the model was trained is not known to this report",
}


def figures(drawn: list[Drawn], folder: Path) -> str:
    """Figures with their captions, and what is left out with its reason."""
    there = "".join(
        figure((folder / "figures" / f"{d.name}.svg").read_bytes(), d.alt, d.caption)
        for d in drawn
        if not d.reason
    )
    absent = "".join(left_out(d.what, d.reason) for d in drawn if d.reason)
    return f"<div class=figures>{there}</div>{absent}"


def model(study: Study, report: Report, drawn: list[Drawn], folder: Path) -> str:
    """Figures and tables of one model."""
    arm = study.arm
    told = f"Protocol {arm.protocol}: {PROTOCOLS[arm.protocol]}. "
    told += f"{study.facts.patients} patients, {study.facts.events} events, "
    told += f"{study.facts.pairs} comparable pairs."
    return (
        paragraph(told) + figures(drawn, folder) + _groups(study, report)
        + _subgroups(study) + _folds(study, report)
    )  # fmt: skip


def _groups(study: Study, report: Report) -> str:
    if study.groups.empty:
        return ""
    counts = (study.facts.patients, study.facts.events, study.facts.pairs)
    head = [study.arm.protocol, *map(str, counts)]
    rows = [
        [f"up to {h:g} years", *head, shown(e, 2), e.reason]
        for h in report.horizons
        if (e := report.estimate(study.arm.name, "rmst_difference", h))
    ]
    headings = [
        "horizon",
        "protocol",
        "patients",
        "events",
        "pairs",
        "years gained (95 %)",
        "why not",
    ]
    caption = "Years without the event that low risk has more than high: restricted mean survival"
    return table(caption, headings, rows)


def _subgroups(study: Study) -> str:
    if study.subgroups.empty:
        return ""
    rows = [
        [
            f"{r['subgroup']}{' *' if r['few_events'] else ''}",
            str(r["patients"]), str(r["events"]), str(r["comparable_pairs"]),
            shown(Estimate(r["c_index"], r["c_index_lower"], r["c_index_upper"])),
            band(r["null_lower"], r["null_upper"]),
            shown(Estimate(r["hazard_ratio"], r["lower"], r["upper"]), 2), str(r["reason"]),
        ]
        for r in study.subgroups.to_dict("records")
    ]  # fmt: skip
    headings = ["subgroup", "patients", "events", "pairs", "C-index (95 %)", "95 % of chance"]
    headings += ["hazard ratio, high against low (95 %)", "why not"]
    caption = (
        f"Subgroups of {study.arm.name}, protocol {study.arm.protocol}; * fewer than ten events: "
        "mostly chance"
    )
    return "<h3>Subgroups</h3>" + table(caption, headings, rows)


def _folds(study: Study, report: Report) -> str:
    folds = report.folds[report.folds["arm"] == study.arm.name]
    metrics = ["c_index", *(column(m, h) for h in report.horizons for m in ("c_uno", "auc", "ibs"))]
    rows = [
        [
            f"{r['fold']}{' *' if r['few_events'] else ''}",
            str(r["patients"]), str(r["events"]), str(r["comparable_pairs"]),
            *(number(float(r[m])) for m in metrics), str(r["reason"]),
        ]
        for r in folds.to_dict("records")
    ]  # fmt: skip
    headings = ["fold", "patients", "events", "pairs", "C-index"]
    for horizon in report.horizons:
        headings += [f"{name}, {horizon:g} y" for name in ("Uno's C", "AUC", "IBS")]
    caption = (
        f"Folds of {study.arm.name}, protocol {study.arm.protocol}; * fewer than ten events: "
        "mostly chance"
    )
    return "<h3>Folds</h3>" + table(caption, [*headings, "why not"], rows)

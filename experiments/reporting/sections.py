"""The sections of the page."""

from __future__ import annotations

from html import escape
from pathlib import Path

import pandas as pd
import yaml

from experiments.reporting.build import Report, Study
from experiments.reporting.facts import shown
from experiments.reporting.figures import Drawn
from experiments.reporting.folds import column
from experiments.reporting.markup import figure, items, left_out, paragraph, table
from experiments.reporting.style import p_text
from experiments.table import number
from mmsurv.metrics.functional import Estimate

PROTOCOLS = {
    "nested": "an inner split stops the training, and the outer fold is scored once",
    "paper": "the outer fold stops the training and is scored, as published: optimistic",
    "not known": "how the model was trained is not known to this report",
}


def findings(report: Report) -> str:
    """What the numbers do and do not support, model by model."""
    lead = paragraph("Made from the numbers by rules; each sentence is one rule.")
    return lead + "".join(
        f"<h3>{escape(study.arm.name)}</h3>{items(s.text for s in study.reading)}"
        for study in report.studies
    )


def models(report: Report, drawn: list[Drawn], folder: Path) -> str:
    """All models side by side, and pair by pair."""
    return (
        "".join(_figure(d, folder) for d in drawn)
        + _discrimination(report)
        + _accuracy(report)
        + _comparisons(report)
    )


def _figure(drawn: Drawn, folder: Path) -> str:
    if drawn.reason:
        return left_out(drawn.what, drawn.reason)
    svg = (folder / "figures" / f"{drawn.name}.svg").read_bytes()
    return figure(svg, drawn.alt, drawn.caption)


def _discrimination(report: Report) -> str:
    headings = ["model", "protocol", "patients", "events", "pairs", "C-index (95 %)"]
    headings += ["mean ± sd of folds", "95 % of chance"]
    for horizon in report.horizons:
        headings += [f"Uno's C, {horizon:g} y (95 %)", f"AUC, {horizon:g} y (95 %)"]
    rows = []
    for arm in report.metrics["arm"].unique():
        c = report.metric(arm, "c_index")
        cells = [arm, c["protocol"], str(c["patients"]), str(c["events"])]
        cells += [str(c["comparable_pairs"]), shown(report.estimate(arm, "c_index"))]
        cells += [_mean_sd(c), f"{number(c['null_lower'])} to {number(c['null_upper'])}"]
        for horizon in report.horizons:
            cells += [shown(report.estimate(arm, m, horizon)) for m in ("uno_c", "auc")]
        rows.append(cells)
    caption = (
        "Discrimination. C-index: pooled over folds by comparable pairs, 95 % bootstrap interval over "
        "patients within folds. Uno's C and AUC: mean over folds with Nadeau and Bengio's 95 % "
        "interval."
    )
    return table(caption, headings, rows, text=[1])


def _accuracy(report: Report) -> str:
    headings = ["model", "protocol", "patients", "events"]
    for horizon in report.horizons:
        headings += [f"IBS, {horizon:g} y (95 %)", f"IPA, {horizon:g} y (95 %)"]
    headings += ["calibration slope (95 %)", "D-calibration p"]
    rows = []
    for arm in report.metrics["arm"].unique():
        c = report.metric(arm, "c_index")
        cells = [arm, c["protocol"], str(c["patients"]), str(c["events"])]
        for horizon in report.horizons:
            cells += [shown(report.estimate(arm, m, horizon)) for m in ("ibs", "ipa")]
        cells.append(shown(report.estimate(arm, "calibration_slope"), 2))
        cells.append(_p(report.estimate(arm, "d_calibration")))
        rows.append(cells)
    caption = (
        "Accuracy of predicted risks. IBS: integrated Brier score, 0 is perfect; IPA: how much lower "
        "it is than with one Kaplan–Meier risk for everybody. Slope below 1: risks too extreme."
    )
    return table(caption, headings, rows, text=[1])


def _comparisons(report: Report) -> str:
    if report.comparisons.empty:
        return left_out("A paired comparison", "there is one model")
    told = report.comparisons
    rows = [
        [
            f"{r['first']} – {r['second']}", str(r["protocols"]),
            shown(Estimate(r["difference"], r["lower"], r["upper"])),
            number(r["p"]), number(r["p_holm"]), *_counts(r), str(r["reason"]),
        ]
        for r in told.to_dict("records")
    ]  # fmt: skip
    headings = ["models", "protocols", "difference in C-index (95 %)", "p", "p after Holm"]
    headings += ["patients", "events", "pairs", "why not"]
    caption = (
        "Paired comparisons on the same patients and folds, positive where the first is better. Holm "
        "corrects for all comparisons of the first model."
    )
    return "<h3>Paired comparisons</h3>" + table(caption, headings, rows, text=[1, 8])


def _counts(row: dict[str, object]) -> list[str]:
    values = [row[k] for k in ("patients", "events", "comparable_pairs")]
    return ["–" if v != v else f"{float(str(v)):.0f}" for v in values]


def _mean_sd(row: pd.Series) -> str:
    return f"{number(row['mean_folds'])} ± {number(row['sd_folds'])}"


def _p(estimate: Estimate) -> str:
    return p_text(estimate.p).removeprefix("= ") if estimate.p == estimate.p else "–"


def model(study: Study, report: Report, drawn: list[Drawn], folder: Path) -> str:
    """Figures and tables of one model."""
    arm = study.arm
    told = f"Protocol {arm.protocol}: {PROTOCOLS[arm.protocol]}. "
    told += f"{study.facts.patients} patients, {study.facts.events} events."
    figures = "".join(_figure(d, folder) for d in drawn if not d.reason)
    absent = "".join(_figure(d, folder) for d in drawn if d.reason)
    gained = [
        [
            f"{h:g} years", shown(e, 2), _p(e),
            str(study.facts.patients), str(study.facts.events), e.reason,
        ]
        for h in report.horizons
        if (e := report.estimate(arm.name, "rmst_difference", h))
    ]  # fmt: skip
    headings = ["horizon", "years gained (95 %)", "p", "patients", "events", "why not"]
    caption = (
        "Restricted mean survival time: years without the event that low risk has more than high"
    )
    rmst = table(caption, headings, gained, text=[5]) if len(study.groups) else ""
    return (
        paragraph(told)
        + f"<div class=figures>{figures}</div>"
        + absent
        + rmst
        + _subgroups(study)
        + _folds(study, report)
    )


def _subgroups(study: Study) -> str:
    if study.subgroups.empty:
        return ""
    rows = [
        [
            f"{r['subgroup']}{' *' if r['few_events'] else ''}",
            str(r["patients"]), str(r["events"]), str(r["comparable_pairs"]),
            shown(Estimate(r["c_index"], r["c_index_lower"], r["c_index_upper"])),
            shown(Estimate(r["hazard_ratio"], r["lower"], r["upper"]), 2), str(r["reason"]),
        ]
        for r in study.subgroups.to_dict("records")
    ]  # fmt: skip
    headings = ["subgroup", "patients", "events", "pairs", "C-index (95 %)"]
    headings += ["hazard ratio, high against low (95 %)", "why not"]
    caption = (
        f"Subgroups of {study.arm.name}, protocol {study.arm.protocol}; * fewer than ten events: "
        "mostly chance"
    )
    return "<h3>Subgroups</h3>" + table(caption, headings, rows, text=[6])


def _folds(study: Study, report: Report) -> str:
    folds = report.folds[report.folds["arm"] == study.arm.name]
    metrics = ["c_index", *(column(m, h) for h in report.horizons for m in ("uno_c", "auc", "ibs"))]
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
        f"Folds of {study.arm.name}, protocol {study.arm.protocol}; * fewer than ten events: mostly "
        "chance"
    )
    last = len(headings)
    return "<h3>Folds</h3>" + table(caption, [*headings, "why not"], rows, text=[last])


def patients(report: Report) -> str:
    """Who was included, and what they are like; runs of the same patients stand together."""
    parts = []
    told: list[tuple[object, str]] = []
    for study in report.studies:
        cohort = study.source.cohort
        name = escape(study.source.name)
        if cohort is None:
            reason = study.source.no_cohort
            parts.append(f"<h3>{name}</h3>" + left_out("The cohort", reason))
            continue
        key = (cohort.name, cohort.endpoint, cohort.flow)
        before = next((other for known, other in told if known == key), None)
        if before is not None:
            parts.append(f"<h3>{name}</h3>" + paragraph(f"The patients of {before}."))
            continue
        told.append((key, study.source.name))
        flow = [[step, str(left)] for step, left in cohort.flow]
        notes = items(cohort.notes) if cohort.notes else ""
        rows = [
            [f"{r['variable']} {r['level']}".strip(), r["all"], r["low"], r["high"]]
            for r in study.characteristics.to_dict("records")
        ]
        parts.append(
            f"<h3>{name}</h3>"
            + paragraph(f"Cohort {cohort.name}, endpoint {cohort.endpoint}.")
            + table("Patients after each step of the inclusion", ["step", "patients"], flow)
            + notes
            + table(
                f"Held-out patients, all and by risk group of {study.arm.name}: count (share) or "
                "median (quartiles)",
                ["variable", "all", "low risk", "high risk"],
                rows,
            )
        )
    return "".join(parts)


AUDIT = {
    "fold": "fold", "patients": "held out", "events": "events", "pairs": "pairs",
    "train_patients": "training", "train_events": "training events", "sites": "sites",
    "subtype_off": "subtype off by, %", "follow_up_years": "median years",
    "site_shared": "site in training",
}  # fmt: skip


def audit(report: Report) -> str:
    """What the folds of every run are like."""
    parts = []
    for study in report.studies:
        name = study.source.name
        if study.source.audit is None:
            parts.append(left_out(f"The folds audit of {name}", "the source keeps none"))
            continue
        held = [c for c in AUDIT if c in study.source.audit]
        rows = [
            [_cell(value) for value in row]
            for row in study.source.audit[held].itertuples(index=False)
        ]
        parts.append(table(f"Folds of {name}", [AUDIT[c] for c in held], rows))
    return "".join(parts)


def _cell(value: object) -> str:
    if isinstance(value, float):
        return "–" if value != value else f"{value:.3g}"
    return str(value)


def made_with(report: Report) -> str:
    """Configuration and environment, as the run folder has them."""
    parts = []
    for study in report.studies:
        source = study.source
        parts.append(f"<h3>{escape(source.name)}</h3>")
        if not source.config:
            parts.append(left_out("The configuration", "the source keeps none"))
        for heading, content in (
            ("configuration", source.config),
            ("environment", source.environment),
        ):
            if content:
                text = yaml.safe_dump(content, sort_keys=False, allow_unicode=True)
                parts.append(f"<h4>{heading}</h4><pre>{escape(text)}</pre>")
        parts += [paragraph(f"Note: {note}") for note in source.notes]
    return "".join(parts)


def checklist(report: Report) -> str:
    """TRIPOD+AI: what the files answer, and what is left to the authors."""
    parts = [
        paragraph(
            "TRIPOD+AI (Collins et al. 2024, doi:10.1136/bmj-2023-078378), items in short. What the "
            "files of a run answer is filled; the rest is named."
        )
    ]
    for study in report.studies:
        filled = sum(item.filled for item in study.tripod)
        rows = [
            [item.number, item.asks, item.answer or "for the authors to say"]
            for item in study.tripod
        ]
        caption = f"{study.source.name}: {filled} of {len(rows)} items answered by its files"
        parts.append(table(caption, ["item", "asks for", "answer"], rows, text=[1, 2]))
    return "".join(parts)

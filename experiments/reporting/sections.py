"""The sections of the page."""

from __future__ import annotations

from html import escape
from pathlib import Path

import yaml

from experiments.reporting.build import Report
from experiments.reporting.figures import Drawn
from experiments.reporting.markup import items, left_out, paragraph, table
from experiments.reporting.model_section import figures
from experiments.reporting.side_by_side import (
    accuracy,
    comparisons,
    discrimination,
    fold_by_fold,
    protocols,
)
from experiments.reporting.tripod import AUTHORS


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
        figures(drawn, folder) + discrimination(report) + accuracy(report)
        + protocols(report) + comparisons(report) + "<h3>Fold by fold</h3>" + fold_by_fold(report)
    )  # fmt: skip


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
            "TRIPOD+AI (Collins et al. 2024, doi:10.1136/bmj-2023-078378), items in short. What "
            "the files of a run answer is filled; the rest is named."
        )
    ]
    for study in report.studies:
        filled = sum(item.filled for item in study.tripod)
        rows = [[item.number, item.asks, item.answer or AUTHORS] for item in study.tripod]
        caption = f"{study.source.name}: {filled} of {len(rows)} items answered by its files"
        parts.append(table(caption, ["item", "asks for", "answer"], rows))
    return "".join(parts)

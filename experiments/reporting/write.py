"""The report folder: tables as CSV and JSON, figures, and report.html."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd

from data_modules.files import write_aside
from experiments.reporting import sections
from experiments.reporting.build import Report, Study
from experiments.reporting.figures import draw
from experiments.reporting.markup import page
from experiments.reporting.model_section import model
from experiments.reporting.schema import SCHEMA
from experiments.run_folder import write_json


def write_report(report: Report, folder: Path) -> Path:
    """Writes everything; report.html last, so that where it is, all is.

    Returns:
        report.html.
    """
    (folder / "tables").mkdir(parents=True, exist_ok=True)
    for name, table in tables(report).items():
        write_table(name, table, folder / "tables")
    together, own = draw(report, folder)
    names = [study.arm.name for study in report.studies]
    title = f"Survival models: {', '.join(names)}"
    parts = [
        ("What the numbers support", sections.findings(report)),
        ("Models side by side", sections.models(report, together, folder)),
        *(
            (f"Model {s.arm.name}", model(s, report, own[s.arm.name], folder))
            for s in report.studies
        ),
        ("Patients", sections.patients(report)),
        ("Folds", sections.audit(report)),
        ("TRIPOD+AI", sections.checklist(report)),
        ("Configuration and environment", sections.made_with(report)),
    ]
    made = folder / "report.html"
    with write_aside(made) as aside:
        aside.write_text(page(title, parts), encoding="utf-8")
    return made


def tables(report: Report) -> dict[str, pd.DataFrame]:
    """Every table by its name in `schema.SCHEMA`; empty ones are left out."""
    studies = report.studies
    found = {
        "metrics": report.metrics,
        "folds": report.folds,
        "comparisons": report.comparisons,
        "protocols": report.gaps,
        "subgroups": _joined(studies, [s.subgroups for s in studies]),
        "hazards": _joined(
            studies, [s.hazards.table if s.hazards else pd.DataFrame() for s in studies]
        ),
        "calibration": _joined(studies, [s.calibration for s in studies]),
        "curves": _joined(studies, [s.curves for s in studies]),
        "risk_groups": _joined(studies, [s.groups for s in studies]),
        "risk_groups_mean": _joined(studies, [s.mean_groups for s in studies]),
        "characteristics": _joined(studies, [s.characteristics for s in studies], protocol=False),
        "reading": _joined(studies, [pd.DataFrame(s.reading) for s in studies], protocol=False),
        "tripod": _joined(
            studies,
            [pd.DataFrame(s.tripod).rename(columns={"number": "item"}) for s in studies],
            protocol=False,
        ),
    }
    return {name: table for name, table in found.items() if len(table)}


def _joined(
    studies: list[Study], parts: list[pd.DataFrame], *, protocol: bool = True
) -> pd.DataFrame:
    made = []
    for study, part in zip(studies, parts, strict=True):
        if part.empty:
            continue
        labelled = part.copy()
        labelled.insert(0, "arm", study.arm.name)
        if protocol:
            labelled.insert(1, "protocol", study.arm.protocol)
        made.append(labelled)
    return pd.concat(made, ignore_index=True) if made else pd.DataFrame()


def write_table(name: str, table: pd.DataFrame, folder: Path) -> None:
    """Writes <name>.csv and its twin <name>.json, which says what its columns mean."""
    with write_aside(folder / f"{name}.csv") as aside:
        table.to_csv(aside, index=False, lineterminator="\n")
    schema = SCHEMA[name]
    rows: list[dict[str, Any]] = json.loads(table.to_json(orient="records", double_precision=15))
    content = {"table": name, "row": schema.row, "columns": schema.columns, "rows": rows}
    write_json(folder / f"{name}.json", content)

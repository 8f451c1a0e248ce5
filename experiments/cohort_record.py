"""What a run folder keeps of its cohort: who was included, and the clinical variables.

A report needs no more than the run folder; the manifest may have moved by then.
"""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from data_modules.cohort import Cohort
from data_modules.files import write_aside
from data_modules.manifest import Covariate
from experiments.run_folder import write_json


class CohortRecord(NamedTuple):
    """A cohort as a report reads it.

    Attributes:
        name: Of the manifest.
        endpoint: Name of the endpoint.
        encoder: Name of the image features; empty without an image.
        flow: Steps of the inclusion and the patients left after each.
        notes: What the run said about its patients.
        kinds: What each clinical variable is: kind, unit, levels, log.
        covariates: Index patient_id; site, subtype and the clinical variables. Numbers are numbers;
            ordinal and categorical variables are their levels as text.
    """

    name: str
    endpoint: str
    encoder: str
    flow: tuple[tuple[str, int], ...]
    notes: tuple[str, ...]
    kinds: dict[str, dict[str, Any]]
    covariates: pd.DataFrame


def write_cohort(cohort: Cohort, folder: Path) -> None:
    """Writes cohort.json and covariates.csv."""
    record = record_of(cohort)
    with write_aside(folder / "covariates.csv") as aside:
        record.covariates.to_csv(aside, lineterminator="\n")
    content = record._asdict()
    del content["covariates"]
    write_json(folder / "cohort.json", content)


def record_of(cohort: Cohort) -> CohortRecord:
    """The record of a loaded cohort."""
    columns = ["site", "subtype", *cohort.described]
    table = cohort.table[columns].copy()
    for name, covariate in cohort.described.items():
        if covariate.kind == "ordinal":
            labels = {float(i): level for i, level in enumerate(covariate.levels, start=1)}
            table[name] = table[name].map(labels)
    return CohortRecord(
        name=cohort.name,
        endpoint=cohort.endpoint,
        encoder=cohort.encoder,
        flow=cohort.flow,
        notes=cohort.notes,
        kinds={name: _kind(covariate) for name, covariate in cohort.described.items()},
        covariates=table,
    )


def read_cohort(folder: Path) -> CohortRecord | None:
    """The record of a run folder; None where the run kept none."""
    file, table = folder / "cohort.json", folder / "covariates.csv"
    if not (file.is_file() and table.is_file()):
        return None
    content = json.loads(file.read_text(encoding="utf-8"))
    kinds = content["kinds"]
    text = [name for name, kind in kinds.items() if kind["kind"] != "numeric"]
    columns = dict.fromkeys(["patient_id", "site", "subtype", *text], str)
    covariates = pd.read_csv(table, dtype=columns).set_index("patient_id")
    return CohortRecord(
        name=content["name"],
        endpoint=content["endpoint"],
        encoder=content["encoder"],
        flow=tuple((step, int(left)) for step, left in content["flow"]),
        notes=tuple(content["notes"]),
        kinds=kinds,
        covariates=covariates,
    )


def _kind(covariate: Covariate) -> dict[str, Any]:
    kept = ("kind", "unit", "levels", "log")
    described = dataclasses.asdict(covariate)
    return {key: described[key] for key in kept}

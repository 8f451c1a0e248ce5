"""What is reported on: run folders with their classical models, and predictions of anybody."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pandas as pd
import yaml

from data_modules.problems import BadInput, Problems
from experiments.cohort_record import CohortRecord, read_cohort
from experiments.reporting.predictions import read_predictions, time_note

Kind = Literal["network", "classical", "foreign"]
UNKNOWN_PROTOCOL = "not known"


@dataclass(frozen=True)
class Arm:
    """Out-of-fold predictions of one model.

    Attributes:
        name: In tables and figures, unique in a report.
        kind: network, classical (fitted beside a network in the same folds), or foreign.
        source: Name of the argument it came from.
        rows: Of `read_predictions`, folds without an answer left out.
        known: patient_id, time_days and event of everybody who was dealt into the folds.
        protocol: nested, paper, or not known.
        unanswered: By fold for which there is no answer, why.
    """

    name: str
    kind: Kind
    source: str
    rows: pd.DataFrame
    known: pd.DataFrame
    protocol: str
    unanswered: dict[int, str]

    @property
    def answered(self) -> bool:
        """Whether every fold has an answer."""
        return not self.unanswered and len(self.rows) > 0


@dataclass(frozen=True)
class Source:
    """One argument of the command.

    Attributes:
        name: Unique in a report.
        path: As given.
        arms: The network or the foreign model, then the classical ones.
        config: config.yaml; empty for a foreign file.
        environment: environment.json; empty for a foreign file.
        audit: folds_audit.csv; None where there is none.
        cohort: What the run kept of its cohort; None where it kept nothing.
        no_cohort: Why there is none.
        notes: What looked odd.
    """

    name: str
    path: Path
    arms: tuple[Arm, ...]
    config: dict[str, Any]
    environment: dict[str, Any]
    audit: pd.DataFrame | None
    cohort: CohortRecord | None
    no_cohort: str
    notes: tuple[str, ...]

    @property
    def main(self) -> Arm:
        """The model that the source is about."""
        return self.arms[0]


def load_sources(paths: list[Path]) -> list[Source]:
    """Reads run folders and files of predictions.

    Raises:
        BadInput: Everything wrong with any of them, in one report.
    """
    problems = Problems()
    for path in sorted({p for p in paths if paths.count(p) > 1}):
        problems.add(path, "named twice")
    problems.raise_if_any()
    names = _names(paths)
    read = [
        _run_folder(path, name, problems) if path.is_dir() else _foreign(path, name, problems)
        for path, name in zip(paths, names, strict=True)
    ]
    problems.raise_if_any()
    return [source for source in read if source is not None]


def _names(paths: list[Path]) -> list[str]:
    """The last part of each path; the whole path where two are alike."""
    short = [_short(path) for path in paths]
    return [
        name if short.count(name) == 1 else path.as_posix()
        for path, name in zip(paths, short, strict=True)
    ]


def _short(path: Path) -> str:
    if path.is_dir():
        return path.resolve().name
    # Every run folder's file has this name: the folder says more.
    return path.resolve().parent.name if path.name == "predictions.csv" else path.stem


def _foreign(path: Path, name: str, problems: Problems) -> Source | None:
    rows = read_predictions(path, problems)
    if rows is None:
        return None
    known = rows[["patient_id", "time_days", "event"]].drop_duplicates("patient_id")
    arm = Arm(name, "foreign", name, rows, known, UNKNOWN_PROTOCOL, {})
    reason = "a file of predictions has no clinical variables"
    notes = tuple(filter(None, [time_note(rows)]))
    return Source(name, path, (arm,), {}, {}, None, None, reason, notes)


def _run_folder(folder: Path, name: str, problems: Problems) -> Source | None:
    wanted = ("config.yaml", "environment.json", "folds.csv", "predictions.csv")
    absent = [file for file in wanted if not (folder / file).is_file()]
    if absent:
        way = "is the run finished? `--resume` continues it"
        problems.add(folder, f"not a finished run folder, it lacks {', '.join(absent)}: {way}")
        return None
    rows = read_predictions(folder / "predictions.csv", problems)
    known = _known(folder / "folds.csv", problems)
    if rows is None or known is None:
        return None
    strangers = sorted(set(rows["patient_id"]) - set(known["patient_id"]))
    if strangers:
        problems.add(folder / "predictions.csv", f"patients not in folds.csv: {strangers[:6]}")
        return None
    config = yaml.safe_load((folder / "config.yaml").read_text(encoding="utf-8"))
    protocol = str(config["protocol"])
    arms = [Arm(name, "network", name, rows, known, protocol, {})]
    arms += _classical(folder, name, known, problems)
    audit = folder / "folds_audit.csv"
    cohort, why = _cohort(folder, config)
    return Source(
        name=name,
        path=folder,
        arms=tuple(arms),
        config=config,
        environment=json.loads((folder / "environment.json").read_text(encoding="utf-8")),
        audit=pd.read_csv(audit) if audit.is_file() else None,
        cohort=cohort,
        no_cohort=why,
        notes=(),
    )


def _known(path: Path, problems: Problems) -> pd.DataFrame | None:
    """Everybody's follow-up, from folds.csv; what is wrong there is told as of predictions."""
    table = pd.read_csv(path, dtype={"patient_id": str})
    absent = {"patient_id", "time_days", "event"} - set(table.columns)
    if absent:
        problems.add(path, f"no such column: {', '.join(sorted(absent))}")
        return None
    return table[["patient_id", "time_days", "event"]].astype({"event": bool})


def _classical(folder: Path, name: str, known: pd.DataFrame, problems: Problems) -> list[Arm]:
    """The models of baselines/, each in the folds of the network.

    Whatever the run's protocol, theirs is nested: penalties are chosen outside the fold.
    """
    told = folder / "baselines.json"
    scores = json.loads(told.read_text(encoding="utf-8")) if told.is_file() else {}
    arms = []
    for path in sorted((folder / "baselines").glob("*.csv")):
        rows = read_predictions(path, problems, gaps=True)
        if rows is None:
            continue
        silent = rows.loc[rows["log_hazard"].isna(), "fold"].unique().tolist()
        reasons = {
            int(fold["fold"]): str(fold["c_index"]["reason"])
            for fold in scores.get(path.stem, {}).get("folds", [])
        }
        unanswered = {k: reasons.get(k) or "the file has no log hazards" for k in silent}
        kept = rows[~rows["fold"].isin(silent)].reset_index(drop=True)
        label = f"{name}: {path.stem}"
        arms.append(Arm(label, "classical", name, kept, known, "nested", unanswered))
    return arms


def _cohort(folder: Path, config: dict[str, Any]) -> tuple[CohortRecord | None, str]:
    """What the run kept; for older run folders, what the manifest still says."""
    record = read_cohort(folder)
    if record is not None:
        return record, ""
    manifest = Path(str(config["cohort"]))
    if not manifest.is_file():
        return None, f"the run kept no covariates.csv, and {manifest} is not a file here"
    from data_modules.cohort import load_cohort
    from data_modules.manifest import load_manifest
    from experiments.cohort_record import record_of

    try:
        cohort = load_cohort(
            load_manifest(manifest), endpoint=config["endpoint"] or None, modalities=("clinical",)
        )
    except BadInput as error:
        return None, f"the run kept no covariates.csv, and {manifest} cannot be read: {error}"
    return record_of(cohort), ""

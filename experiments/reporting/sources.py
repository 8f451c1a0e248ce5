"""What is reported on: run folders with their classical models, and predictions of anybody."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import pandas as pd
import yaml

from data_modules.problems import BadInput, Problems
from experiments.cohort_record import CohortRecord, read_cohort
from experiments.reporting.predictions import read_predictions, time_note

Kind = Literal["network", "classical", "foreign"]
UNKNOWN_PROTOCOL = "not known"
HORIZONS = (5.0, 10.0)
PREDICTIONS = "predictions.csv"
FOLD = re.compile(r"fold\d+")


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
        main: Whether the source is about this model, and not about one that it was fitted beside.
    """

    name: str
    kind: Kind
    source: str
    rows: pd.DataFrame
    known: pd.DataFrame
    protocol: str
    unanswered: dict[int, str]
    main: bool = True

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
    places = [place for path in paths for place in _runs_in(path)]
    problems.raise_if_any()
    names = _names(places)
    read = [
        _run_folder(path, name, problems) if path.is_dir() else _foreign(path, name, problems)
        for path, name in zip(places, names, strict=True)
    ]
    problems.raise_if_any()
    return _each_once([source for source in read if source is not None])


def horizons_of(sources: list[Source]) -> tuple[float, ...]:
    """Years that the first run was scored at; 5 and 10 where there are only files."""
    asked = [source.config["horizons"] for source in sources if "horizons" in source.config]
    return tuple(map(float, asked[0])) if asked else HORIZONS


def _each_once(sources: list[Source]) -> list[Source]:
    """Classical models that several runs fitted alike stand once; a name of one is bare."""
    seen: list[tuple[str, pd.DataFrame]] = []
    kept: list[list[Arm]] = []
    for source in sources:
        own = []
        for arm in source.arms[1:]:
            model = arm.name.rpartition(": ")[2]
            if not any(model == m and rows.equals(arm.rows) for m, rows in seen):
                own.append(arm)
                seen.append((model, arm.rows))
        kept.append(own)
    models = [model for model, _ in seen]
    taken = {source.main.name for source in sources}
    return [
        replace(
            source,
            arms=(
                source.main,
                *(
                    replace(arm, name=model)
                    if models.count(model := arm.name.rpartition(": ")[2]) == 1
                    and model not in taken
                    else arm
                    for arm in own
                ),
            ),
        )
        for source, own in zip(sources, kept, strict=True)
    ]


def _runs_in(path: Path) -> list[Path]:
    """The path itself; of a folder of several runs, such as arms under two protocols, each run."""
    if not path.is_dir() or (path / PREDICTIONS).is_file():
        return [path]
    # The files of folds and classical models lie deeper inside a run.
    for pattern in (f"*/{PREDICTIONS}", f"*/*/{PREDICTIONS}"):
        inside = sorted(p.parent for p in path.glob(pattern) if not FOLD.fullmatch(p.parent.name))
        if inside:
            return inside
    return [path]


def _names(paths: list[Path]) -> list[str]:
    """The last part of each path; as much more of it as tells two apart."""
    parts = [
        path.resolve().parts if path.is_dir() else _file_parts(path.resolve()) for path in paths
    ]
    for length in range(1, max(map(len, parts), default=0) + 1):
        names = ["/".join(part[-length:]) for part in parts]
        if len(set(names)) == len(names):
            return names
    return [path.as_posix() for path in paths]


def _file_parts(path: Path) -> tuple[str, ...]:
    # Every run folder's file has this name: the folder says more.
    return path.parent.parts if path.name == PREDICTIONS else (*path.parent.parts, path.stem)


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
    if not (folder / PREDICTIONS).is_file():
        way = "is the run finished? `--resume` continues it"
        problems.add(folder, f"not a finished run folder, it has no {PREDICTIONS}: {way}")
        return None
    rows = read_predictions(folder / PREDICTIONS, problems)
    if rows is None:
        return None
    known = _known(folder / "folds.csv", rows, problems)
    if known is None:
        return None
    config = _read(folder / "config.yaml")
    # A classical model of a study has a folder of its own, without a configuration.
    fitted_in = _read(folder / "fitted_in.json")
    protocol = "nested" if fitted_in else str(config.get("protocol", UNKNOWN_PROTOCOL))
    arms = [Arm(name, "classical" if fitted_in else "network", name, rows, known, protocol, {})]
    arms += _classical(folder, name, known, problems)
    audit = folder / "folds_audit.csv"
    cohort, why = _cohort(folder, config)
    return Source(
        name=name,
        path=folder,
        arms=tuple(arms),
        config=config,
        environment=_read(folder / "environment.json"),
        audit=pd.read_csv(audit) if audit.is_file() else None,
        cohort=cohort,
        no_cohort=why,
        notes=(),
    )


def _read(path: Path) -> dict[str, Any]:
    """A file of keys and values; empty where it is absent."""
    if not path.is_file():
        return {}
    text = path.read_text(encoding="utf-8")
    found: dict[str, Any] = json.loads(text) if path.suffix == ".json" else yaml.safe_load(text)
    return found


def _known(path: Path, rows: pd.DataFrame, problems: Problems) -> pd.DataFrame | None:
    """Everybody's follow-up: of folds.csv, or of the predictions where there is none."""
    columns = ["patient_id", "time_days", "event"]
    if not path.is_file():
        return rows[columns].drop_duplicates("patient_id")
    table = pd.read_csv(path, dtype={"patient_id": str})
    absent = [name for name in columns if name not in table]
    if absent:
        problems.add(path, f"no such column: {', '.join(absent)}")
        return None
    known = table[columns].astype({"event": bool})
    strangers = sorted(set(rows["patient_id"]) - set(known["patient_id"]))
    if strangers:
        problems.add(path, f"lacks patients of {PREDICTIONS}: {strangers[:6]}")
        return None
    return known


def _classical(folder: Path, name: str, known: pd.DataFrame, problems: Problems) -> list[Arm]:
    """The models of baselines/, each in the folds of the network.

    Whatever the run's protocol, theirs is nested: penalties are chosen outside the fold.
    """
    scores = _read(folder / "baselines.json")
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
        arms.append(Arm(label, "classical", name, kept, known, "nested", unanswered, main=False))
    return arms


def _cohort(folder: Path, config: dict[str, Any]) -> tuple[CohortRecord | None, str]:
    """What the run kept; for older run folders, what the manifest still says."""
    record = read_cohort(folder)
    if record is not None:
        return record, ""
    manifest = Path(str(config.get("cohort", "cohort.yaml")))
    if not manifest.is_file():
        return None, f"the run kept no covariates.csv, and {manifest} is not a file here"
    from data_modules.cohort import load_cohort
    from data_modules.manifest import load_manifest
    from experiments.cohort_record import record_of

    try:
        cohort = load_cohort(
            load_manifest(manifest),
            endpoint=config.get("endpoint") or None,
            modalities=("clinical",),
        )
    except BadInput as error:
        return None, f"the run kept no covariates.csv, and {manifest} cannot be read: {error}"
    return record_of(cohort), ""

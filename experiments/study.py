"""Several runs on the same patients and folds: arms, and protocols side by side."""

from __future__ import annotations

import hashlib
import json
from collections import Counter, defaultdict
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd
from rich.console import Console

from data_modules.cohort import Cohort
from data_modules.files import copy_aside
from data_modules.folds import Folds
from data_modules.problems import Problems
from experiments.arms import Arm, arms_of, source_of, with_baselines
from experiments.cells import OPEN_RUNS, Cell, stages_of
from experiments.cohorts import open_cohort
from experiments.config import RunConfig
from experiments.context import RunContext, for_other_processes, start_run, stored_or_drawn
from experiments.cross_validation import Results, cross_validate, summarise
from experiments.fast_bags import KeptBags
from experiments.loggers import experiment_log
from experiments.parallel import side_by_side
from experiments.run_folder import open_run_folder, write_csv, write_json, write_start
from experiments.scores import score_table
from experiments.shared_classical import sources_of, take_classical
from experiments.study_table import Column, print_study, write_study
from experiments.table import number
from mmsurv.names import Protocol

# What a classical model's folder takes from the run in whose folds it was fitted.
COPIED = ("environment.json", "folds.csv", "folds_audit.csv", "cohort.json", "covariates.csv")


class ArmRun(NamedTuple):
    """One network under one protocol, in a run folder of its own."""

    arm: Arm
    protocol: Protocol
    config: RunConfig
    folder: Path


def run_study(config: RunConfig, folder: Path, console: Console) -> int:
    """Runs every arm under every protocol and writes table1.csv, table1.md and table1.json.

    Raises:
        BadInput: Anything wrong with any of the runs, before the first is started.
    """
    open_run_folder(config, folder)
    arms, protocols = arms_of(config), config.protocols or (config.protocol,)
    runs = arm_runs(config, arms, protocols, folder)
    contexts = _start(config, runs, folder, console)
    results = _finish(config, contexts, folder, console)
    columns = []
    for protocol in protocols:
        for arm in arms:
            place = folder_of(arm, protocol, protocols, folder)
            if not arm.classical:
                scores = results[place].scores
            else:
                source = source_of(arm, arms)
                assert source is not None  # config.problems() has seen to it
                origin = folder_of(source, protocol, protocols, folder)
                scores = results[origin].baselines[arm.classical]
                _write_classical(origin, place, arm.classical, scores)
            columns.append(Column(arm.name, protocol, scores))
    write_study(columns, config.horizons, folder)
    print_study(columns, config.horizons, console)
    console.print(f"results: {folder}")
    return 0


def folder_of(arm: Arm, protocol: Protocol, protocols: tuple[Protocol, ...], folder: Path) -> Path:
    """<out>/<arm>, or <out>/<protocol>/<arm> where there are several protocols."""
    return folder / protocol / arm.folder if len(protocols) > 1 else folder / arm.folder


def arm_runs(
    config: RunConfig, arms: list[Arm], protocols: tuple[Protocol, ...], folder: Path
) -> list[ArmRun]:
    """The runs of the networks; what a killed study began is resumed."""
    runs = []
    for protocol in protocols:
        for arm in (a for a in arms if not a.classical):
            place = folder_of(arm, protocol, protocols, folder)
            own = replace(
                config,
                arms=(),
                protocols=(),
                modalities=arm.modalities,
                encoder=(arm.encoder or config.encoder) if "image" in arm.modalities else "",
                protocol=protocol,
                baselines=config.baselines and with_baselines(arm, arms),
                out=str(place),
                resume=config.resume and (place / "config.yaml").is_file(),
            )
            runs.append(ArmRun(arm, protocol, own, place))
    return runs


def _start(
    config: RunConfig, runs: list[ArmRun], folder: Path, console: Console
) -> list[RunContext]:
    """Opens everything, refuses what does not go together, and only then writes."""
    quiet = Console(quiet=True)
    cohorts: dict[tuple[str, ...], Cohort] = {}
    # One process holds all arms until the end; others hold those that they are at.
    alone = config.jobs == 1 and not config.cluster
    kept = KeptBags(None if alone else OPEN_RUNS)
    for run in runs:
        open_run_folder(run.config, run.folder)
        key = (*run.config.modalities, run.config.encoder)
        if key not in cohorts:
            cohorts[key] = open_cohort(run.config, quiet if cohorts else console, kept)
    of_run = [cohorts[(*run.config.modalities, run.config.encoder)] for run in runs]
    _check_same_patients(runs, of_run)
    folds: dict[Protocol, Folds] = {}
    for run, cohort in zip(runs, of_run, strict=True):
        if run.protocol not in folds:
            folds[run.protocol] = stored_or_drawn(run.config, run.folder, cohort)
    data = hashlib.sha256("".join(c.data_hash for c in of_run).encode()).hexdigest()
    dealt = hashlib.sha256("".join(f.hash for f in folds.values()).encode()).hexdigest()
    write_start(config, folder, data_hash=data, folds_hash=dealt)
    contexts = []
    for number_, (run, cohort) in enumerate(zip(runs, of_run, strict=True)):
        told = quiet if number_ else console
        contexts.append(start_run(run.config, run.folder, cohort, folds[run.protocol], told))
    return contexts


def _check_same_patients(runs: list[ArmRun], cohorts: list[Cohort]) -> None:
    problems = Problems()
    first = cohorts[0].table[["time_days", "event"]]
    for run, cohort in zip(runs, cohorts, strict=True):
        own = cohort.table[["time_days", "event"]]
        if not own.equals(first):
            differ = sorted(set(own.index) ^ set(first.index))
            problems.add(
                run.config.cohort,
                f"--arms: {run.arm.name} has other patients than {runs[0].arm.name}: "
                f"{differ[:6] or 'their order or outcome differs'}; arms are compared on the same "
                "patients, so the manifest's inclusion must not depend on one encoder",
            )
    problems.raise_if_any()


def _finish(
    config: RunConfig, contexts: list[RunContext], folder: Path, console: Console
) -> dict[Path, Results]:
    """Results by run folder."""
    results: dict[Path, Results] = {}
    sources = sources_of(contexts)

    def share(context: RunContext) -> None:
        source = sources.get(context.folder)
        if source:
            take_classical(source, context)
            console.print(
                f"{context.folder.relative_to(folder).as_posix()}: classical models are those of "
                f"{source.config.protocol}, which learn from the same patients"
            )

    def told(context: RunContext, found: Results) -> None:
        results[context.folder] = found
        c_index = found.scores["cv"]["c_index"]
        console.print(
            f"{context.folder.relative_to(folder).as_posix()}: "
            f"C-index {number(c_index['mean'])} ± {number(c_index['sd'])}"
        )

    if config.jobs == 1 and not config.cluster:
        for context in contexts:
            share(context)
            log = experiment_log(context.config, context.folder, console.print)
            told(context, cross_validate(context, log, console))
        return results
    stages: tuple[list[Cell], list[Cell]] = ([], [])
    for context in contexts:
        taken = context.folder in sources
        own = stages_of(context, for_other_processes(context.config))
        for stage, cells in zip(stages, own, strict=True):
            stage.extend(c for c in cells if not (taken and c.part == "classical"))
    waiting = _waiting(contexts, sources)
    left = Counter(
        context.folder for stage in stages for cell in stage for context in waiting[cell.folder]
    )

    def done(cell: Cell) -> None:
        for context in waiting[cell.folder]:
            left[context.folder] -= 1
            if left[context.folder]:
                continue
            share(context)
            # Curves of one arm at a time: a logger that holds a connection has one run open.
            log = experiment_log(context.config, context.folder, console.print)
            told(context, summarise(context, log))

    for cells in stages:
        side_by_side(
            cells,
            jobs=config.jobs,
            cluster=config.cluster,
            console=console,
            done=done,
            study=folder,
        )
    return results


def _waiting(
    contexts: list[RunContext], sources: dict[Path, RunContext]
) -> dict[Path, list[RunContext]]:
    """By folder of a cell the runs that wait for it.

    They wait for their own cells, and for those of the run whose classical models they take.
    """
    waiting: dict[Path, list[RunContext]] = defaultdict(list)
    for context in contexts:
        waiting[context.folder.resolve()].append(context)
        if context.folder in sources:
            waiting[sources[context.folder].folder.resolve()].append(context)
    return waiting


def _write_classical(origin: Path, folder: Path, name: str, scores: dict[str, Any]) -> None:
    """A folder like that of a run for a classical model that was fitted in the folds of one."""
    folder.mkdir(parents=True, exist_ok=True)
    for file in COPIED:
        copy_aside(origin / file, folder / file)
    write_json(folder / "fitted_in.json", {"run": origin.name, "model": name})
    rows = pd.read_csv(origin / "baselines" / f"{name}.csv", dtype={"patient_id": str})
    write_csv(rows, folder / "predictions.csv")
    write_csv(score_table(scores), folder / "metrics.csv")
    write_json(folder / "metrics.json", json.loads(json.dumps(scores)))

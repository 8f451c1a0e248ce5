"""The fold loop: every fold trained once, scored once, and never trained again when resumed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd
from rich.console import Console

from experiments.baselines.results import baseline_summary, collect_baselines
from experiments.cells import Cell, member_folder, stages_of
from experiments.context import RunContext, for_other_processes
from experiments.figures import kaplan_meier_figure, save_figure, training_figure
from experiments.inner_scores import (
    Inner,
    chance,
    flat_inner,
    inner_of_fold,
    inner_scores,
    inner_so_far,
    log_so_far,
)
from experiments.loggers import ExperimentLog
from experiments.parallel import one_by_one, side_by_side
from experiments.run_folder import write_csv, write_json
from experiments.scores import cross_validated_scores, first_repeat, flat_summary, score_table

# Hears of the inner scores after every fold, and how many folds are to come.
AfterFold = Callable[[dict[str, float], int], None]


def cross_validate(
    context: RunContext,
    log: ExperimentLog,
    console: Console,
    after_fold: AfterFold | None = None,
) -> Results:
    """Runs the folds and writes predictions.csv, metrics.json, metrics.csv and figures.

    Args:
        context: The run.
        log: Where curves and numbers go.
        console: Where to print.
        after_fold: Called after every fold with what `inner_so_far` says and how many folds are to
            come; what it raises ends the run, which may be resumed.

    Returns:
        The scores that metrics.json and baselines.json hold.
    """
    config = context.config
    course = InnerCourse(context, log, after_fold)
    before = {cell for cells in stages_of(context, config) for cell in cells if cell.mark.is_file()}

    def done(cell: Cell) -> None:
        for name in curves_of(cell):
            log.catch_up(name)
        if cell.part == "fold":
            known = any((c.fold, c.part) == (cell.fold, cell.part) for c in before)
            course.fold_done(cell.fold, told=known)

    if config.jobs == 1 and not config.cluster:
        for cells in stages_of(context, config):
            one_by_one(cells, context, log, console, done)
        return summarise(context, log)

    for cells in stages_of(context, for_other_processes(config)):
        side_by_side(cells, jobs=config.jobs, cluster=config.cluster, console=console, done=done)
    return summarise(context, log)


class InnerCourse:
    """The inner scores of a run as its folds are done, in whatever order.

    Args:
        context: The run.
        log: Where they go.
        after_fold: See `cross_validate`.
    """

    def __init__(
        self, context: RunContext, log: ExperimentLog, after_fold: AfterFold | None
    ) -> None:
        self.context = context
        self.pending = {f: chance(context.folds, f, context.config) for f in context.fold_indices}
        self.done: dict[int, Inner] = {}
        self.log = log.fold_logger("cv")
        self.after_fold = after_fold

    def fold_done(self, fold: int, *, told: bool) -> None:
        """Logs the scores so far, unless a killed run told them, and hands them on."""
        self.done[fold] = inner_of(self.context, fold)
        del self.pending[fold]
        so_far = inner_so_far(self.done, self.pending, self.context.config.protocol)
        if not told:
            log_so_far(self.log, so_far)
        if self.after_fold:
            self.after_fold(so_far, len(self.pending))


def inner_of(context: RunContext, fold: int) -> Inner:
    """Scores of the inner split of a fold that is done."""
    config = context.config
    homes = [member_folder(context.folder, config, fold, m) for m in range(config.ensemble)]
    return inner_of_fold(homes)


def curves_of(cell: Cell) -> list[str]:
    """Names of the networks that a cell trained."""
    trains = cell.part == "member" or (cell.part == "fold" and cell.config.ensemble == 1)
    if not trains:
        return []
    home = member_folder(cell.folder, cell.config, cell.fold, cell.member)
    return [home.relative_to(cell.folder).as_posix()]


def summarise(context: RunContext, log: ExperimentLog) -> Results:
    """Writes what is computed from all folds, when their cells are done."""
    config, folds, folder = context.config, context.folds, context.folder
    parts = []
    for fold in context.fold_indices:
        members = [member_folder(folder, config, fold, m) for m in range(config.ensemble)]
        log.fold_done(fold, [home.relative_to(folder).as_posix() for home in members])
        # Read back what was written, so that a resumed run sees the same bytes as an unbroken one.
        part = pd.read_csv(folder / f"fold{fold}" / "predictions.csv", dtype={"patient_id": str})
        if folds.repeats > 1:
            part.insert(2, "repeat", fold // (folds.n_folds // folds.repeats))
        parts.append(part)
    predictions = pd.concat(parts, ignore_index=True)
    write_csv(predictions, folder / "predictions.csv")
    scores = cross_validated_scores(predictions, folds.table, config.horizons, config.protocol)
    inner = {fold: inner_of(context, fold) for fold in context.fold_indices}
    scores["inner"] = inner_scores(inner, config.protocol)
    if config.data.eval_patches and context.cohort.features is not None:
        scores["eval_patches"] = config.data.eval_patches
    write_json(folder / "metrics.json", scores)
    write_csv(score_table(scores), folder / "metrics.csv")
    baselines: dict[str, Any] = {}
    if config.baselines:
        baselines = collect_baselines(config, folds, context.fold_indices, folder)
    figures = _draw(context, predictions, scores)
    numbers = flat_summary(scores) | flat_inner(scores["inner"]) | baseline_summary(baselines)
    log.finish(numbers, figures)
    return Results(scores, baselines)


class Results(NamedTuple):
    """What a cross-validation found.

    Attributes:
        scores: Content of metrics.json.
        baselines: Content of baselines.json: scores by classical model; empty where none was asked
            for.
    """

    scores: dict[str, Any]
    baselines: dict[str, Any]


def _draw(
    context: RunContext, predictions: pd.DataFrame, scores: dict[str, Any]
) -> dict[str, Path]:
    config, cohort, folds, folder = (context.config, context.cohort, context.folds, context.folder)
    title = (
        f"{cohort.name} {cohort.endpoint}: {config.fusion}, {'+'.join(config.modalities)}, "
        f"{config.protocol}{', repeat 0 of ' + str(folds.repeats) if folds.repeats > 1 else ''}"
    )
    histories = {
        home.relative_to(folder).as_posix(): pd.read_csv(home / "history.csv")
        for fold in context.fold_indices
        for home in (member_folder(folder, config, fold, m) for m in range(config.ensemble))
    }
    figures = {
        "kaplan_meier": kaplan_meier_figure(first_repeat(predictions), scores, title),
        "training": training_figure(histories),
    }
    paths = {name: folder / "figures" / f"{name}.png" for name in figures}
    for name, figure in figures.items():
        save_figure(figure, paths[name])
    return paths

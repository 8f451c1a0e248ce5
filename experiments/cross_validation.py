"""The fold loop: every fold trained once, scored once, and never trained again when resumed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
from rich.console import Console

from data_modules.cohort import Cohort
from data_modules.datamodule import SurvivalDataModule
from data_modules.files import write_aside
from data_modules.folds import Folds
from experiments.config import RunConfig
from experiments.figures import kaplan_meier_figure, save_figure, training_figure
from experiments.inner_scores import (
    chance,
    flat_inner,
    inner_of_fold,
    inner_scores,
    inner_so_far,
    log_so_far,
)
from experiments.loggers import ExperimentLog
from experiments.progress import EpochProgress
from experiments.run_folder import write_json
from experiments.scores import cross_validated_scores, first_repeat, flat_summary
from experiments.scoring import score_fold
from experiments.training import member_seed, train_member

# Hears of the inner scores after every fold, and how many folds are to come.
AfterFold = Callable[[dict[str, float], int], None]


def fold_indices(config: RunConfig, folds: Folds) -> list[int]:
    """Folds to run, in order."""
    return sorted(config.only_folds) or list(range(folds.n_folds))


def member_folder(folder: Path, config: RunConfig, fold: int, member: int) -> Path:
    """Where a network's checkpoint lies: fold0/, or fold0/member1/ in an ensemble."""
    home = folder / f"fold{fold}"
    return home if config.ensemble == 1 else home / f"member{member}"


def cross_validate(
    config: RunConfig,
    cohort: Cohort,
    folds: Folds,
    folder: Path,
    log: ExperimentLog,
    console: Console,
    after_fold: AfterFold | None = None,
) -> dict[str, Any]:
    """Runs the folds and writes predictions.csv, metrics.json, metrics.csv and figures.

    Args:
        config: The run.
        cohort: Whose patients.
        folds: Who is held out when.
        folder: The run folder.
        log: Where curves and numbers go.
        console: Where to print.
        after_fold: Called after every fold with what `inner_so_far` says and how many folds are to
            come; what it raises ends the run, which may be resumed.

    Returns:
        The scores that metrics.json holds.
    """
    parts = []
    inner = {}
    cv_log = log.fold_logger("cv")
    pending = {fold: chance(folds, fold, config) for fold in fold_indices(config, folds)}
    for fold in fold_indices(config, folds):
        rows = folder / f"fold{fold}" / "predictions.csv"
        done_before = rows.is_file()
        if done_before:
            console.print(f"fold {fold}: done before")
        else:
            _run_fold(config, cohort, folds, fold, folder, log, console)
        inner[fold] = inner_of_fold(
            [member_folder(folder, config, fold, m) for m in range(config.ensemble)]
        )
        del pending[fold]
        so_far = inner_so_far(inner, pending, config.protocol)
        if not done_before:
            log_so_far(cv_log, so_far)
        if after_fold:
            after_fold(so_far, len(pending))
        # Read back what was written, so that a resumed run sees the same bytes as an unbroken one.
        part = pd.read_csv(rows, dtype={"patient_id": str})
        if folds.repeats > 1:
            part.insert(2, "repeat", fold // (folds.n_folds // folds.repeats))
        parts.append(part)
    predictions = pd.concat(parts, ignore_index=True)
    write_csv(predictions, folder / "predictions.csv")
    scores = cross_validated_scores(predictions, folds.table, config.horizons, config.protocol)
    scores["inner"] = inner_scores(inner, config.protocol)
    write_json(folder / "metrics.json", scores)
    write_csv(_score_table(scores), folder / "metrics.csv")
    figures = _draw(config, cohort, folds, predictions, scores, folder)
    log.finish(flat_summary(scores) | flat_inner(scores["inner"]), figures)
    return scores


def write_csv(table: pd.DataFrame, path: Path) -> None:
    """Writes a table aside and renames it; floats keep every digit."""
    with write_aside(path) as aside:
        table.to_csv(aside, index=False, lineterminator="\n")


def _run_fold(
    config: RunConfig,
    cohort: Cohort,
    folds: Folds,
    fold: int,
    folder: Path,
    log: ExperimentLog,
    console: Console,
) -> None:
    members = []
    for member in range(config.ensemble):
        seed = member_seed(config.seed, fold, member)
        home = member_folder(folder, config, fold, member)
        name = home.relative_to(folder).as_posix()
        data = SurvivalDataModule(
            cohort,
            folds,
            fold=fold,
            batch_size=config.data.batch_size,
            workers=config.data.workers,
            cache=config.data.cache,
            max_patches=config.data.max_patches,
            seed=seed,
        )
        data.setup()
        task = train_member(
            config,
            data,
            home,
            seed=seed,
            logger=log.fold_logger(name),
            progress=EpochProgress(console, f"{name} of {folds.n_folds}", config.trainer.patience),
        )
        members.append((task, home))
    table = score_fold(
        members, data, fold=fold, horizons=config.horizons, fitted_in=members[0][1] / "best.ckpt"
    )
    write_csv(table, folder / f"fold{fold}" / "predictions.csv")


def _score_table(scores: dict[str, Any]) -> pd.DataFrame:
    """metrics.json as a flat table: one row a fold, then mean and sd."""
    names = list(scores["cv"])
    counts = ["fold", "patients", "events", "comparable_pairs"]
    rows: list[dict[str, Any]] = [
        {key: fold[key] for key in counts} | {name: fold[name]["value"] for name in names}
        for fold in scores["folds"]
    ]
    rows += [
        {"fold": kind} | {name: scores["cv"][name][kind] for name in names}
        for kind in ("mean", "sd")
    ]
    return pd.DataFrame(rows).astype({"fold": str})


def _draw(
    config: RunConfig,
    cohort: Cohort,
    folds: Folds,
    predictions: pd.DataFrame,
    scores: dict[str, Any],
    folder: Path,
) -> dict[str, Path]:
    title = (
        f"{cohort.name} {cohort.endpoint}: {config.fusion}, {'+'.join(config.modalities)}, "
        f"{config.protocol}{', repeat 0 of ' + str(folds.repeats) if folds.repeats > 1 else ''}"
    )
    histories = {
        home.relative_to(folder).as_posix(): pd.read_csv(home / "history.csv")
        for fold in fold_indices(config, folds)
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

"""Cells: the parts of a run that do not wait for each other, each done once and found again."""

from __future__ import annotations

import gc
import io
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple

import torch
from rich.console import Console

from data_modules.datamodule import SurvivalDataModule
from data_modules.features import ResidentStore
from experiments.baselines.fold import run_fold_baselines
from experiments.config import RunConfig
from experiments.context import RunContext, reopen
from experiments.device import run_device
from experiments.devices import in_company, on_gpu
from experiments.fast_bags import KeptBags
from experiments.locking import one_at_a_time
from experiments.loggers import ExperimentLog, cell_log
from experiments.memory_full import told_when_full
from experiments.progress import EpochProgress
from experiments.run_folder import write_csv
from experiments.scoring import Member, score_fold
from experiments.training import (
    best_task,
    finish_member,
    fit_member,
    member_seed,
    train_member,
)

# Cells come run by run: two runs are open in a worker where one ends and the next begins.
OPEN_RUNS = 2
_open: dict[tuple[RunConfig, Path], RunContext] = {}
_kept = KeptBags()


@dataclass(frozen=True)
class Cell:
    """A part of a run; picklable, so that any process can do it.

    Attributes:
        config: Of the run; paths are absolute where another process does the cell.
        folder: The run folder.
        fold: Which.
        part: member: train one network of an ensemble; fold: train what is not trained, and
            predict the held-out patients; classical: the classical models.
        member: Of the ensemble, where one alone is trained.
    """

    config: RunConfig
    folder: Path
    fold: int
    part: Literal["member", "fold", "classical"]
    member: int = 0

    @property
    def name(self) -> str:
        """As it is told, such as fold0/member1."""
        if self.part == "member":
            return f"fold{self.fold}/member{self.member}"
        return f"fold{self.fold}" + (" classical models" if self.part == "classical" else "")

    @property
    def mark(self) -> Path:
        """The file whose presence says that the cell is done; written last."""
        home = self.folder / f"fold{self.fold}"
        if self.part == "member":
            return home / f"member{self.member}" / "history.csv"
        return home / ("predictions.csv" if self.part == "fold" else "baselines.json")


def stages_of(context: RunContext, config: RunConfig) -> tuple[list[Cell], list[Cell]]:
    """The cells of a run in two stages: members of ensembles, then what needs them.

    Args:
        context: The run.
        config: Of the run, as its cells are to see it.
    """
    folder, folds = context.folder.resolve(), context.fold_indices
    members = [
        Cell(config, folder, fold, "member", member)
        for fold in folds
        for member in range(config.ensemble)
        if config.ensemble > 1
    ]
    rest = [Cell(config, folder, fold, "fold") for fold in folds]
    if config.baselines:
        rest += [Cell(config, folder, fold, "classical") for fold in folds]
    return members, rest


def run_cell(cell: Cell, context: RunContext, log: ExperimentLog, console: Console) -> None:
    """Does a cell; what a killed process left of it is taken up, and one still at it waited for."""

    def waits() -> None:
        # At once: a worker's console is read when its cell is done.
        print(f"{cell.name}: another process is at it, and is waited for", file=sys.stderr)

    with one_at_a_time(cell.mark, waits):
        if cell.mark.is_file():
            console.print(f"{cell.name}: done meanwhile")
        else:
            _do(cell, context, log, console)


def _do(cell: Cell, context: RunContext, log: ExperimentLog, console: Console) -> None:
    if cell.config.trainer.threads:
        torch.set_num_threads(cell.config.trainer.threads)
    if cell.part == "member":
        _network(context, cell.fold, cell.member, log, console)
    elif cell.part == "fold":
        _run_fold(context, cell.fold, log, console)
    else:
        seconds = run_fold_baselines(
            context.cohort,
            context.folds,
            cell.fold,
            context.pooled,
            context.folder / f"fold{cell.fold}",
            horizons=cell.config.horizons,
            seed=cell.config.seed,
        )
        console.print(
            f"fold{cell.fold} of {context.folds.n_folds}: classical models in {seconds:.1f} s"
        )


def work(cell: Cell) -> str:
    """Does a cell in a process of its own and returns what it printed."""
    printed = io.StringIO()
    console = Console(file=printed, soft_wrap=True)
    run_cell(cell, _opened(cell.config, cell.folder), cell_log(cell.folder), console)
    return printed.getvalue().rstrip("\n")


def _opened(config: RunConfig, folder: Path) -> RunContext:
    context = _open.pop((config, folder), None)
    if context is None:
        while len(_open) >= OPEN_RUNS:
            del _open[next(iter(_open))]
            # Its bags are let go before the next are counted; what trained on them is in cycles.
            gc.collect()
        context = reopen(config, folder, _kept)
    _open[config, folder] = context
    return context


def member_folder(folder: Path, config: RunConfig, fold: int, member: int) -> Path:
    """Where a network's checkpoint lies: fold0/, or fold0/member1/ in an ensemble."""
    home = folder / f"fold{fold}"
    return home if config.ensemble == 1 else home / f"member{member}"


def _run_fold(context: RunContext, fold: int, log: ExperimentLog, console: Console) -> None:
    config = context.config
    members = [_network(context, fold, m, log, console) for m in range(config.ensemble)]
    with told_when_full(config, members[0].data, f"evaluation of fold{fold}", members[-1].home):
        table = score_fold(
            members,
            fold=fold,
            horizons=config.horizons,
            known="development" if config.inner == "rotate" else "train",
        )
    write_csv(table, context.folder / f"fold{fold}" / "predictions.csv")


def _network(
    context: RunContext, fold: int, member: int, log: ExperimentLog, console: Console
) -> Member:
    """A trained network, from where it lies if it was trained before."""
    config = context.config
    home = member_folder(context.folder, config, fold, member)
    data = _member_data(context, fold, member)
    if (home / "history.csv").is_file():
        return Member(best_task(home), home, data)
    if config.trainer.devices > 1:
        network = Network(config, context.folder.resolve(), fold, member)
        told = in_company(fit_network, network, devices=config.trainer.devices, gpu=on_gpu(config))
        if told:
            console.print(told)
        return Member(finish_member(home), home, data)
    how = _surroundings(context, fold, member, log, console)
    with told_when_full(config, data, f"training of {home.relative_to(context.folder)}", home):
        task = train_member(config, data, home, **how)
    return Member(task, home, data)


class Network(NamedTuple):
    """Which network of a run the processes of `fit_network` train together."""

    config: RunConfig
    folder: Path
    fold: int
    member: int


def fit_network(network: Network) -> str:
    """Trains in company, from where a killed run left it, and returns what is to be printed."""
    config, folder, fold, member = network
    if config.trainer.threads:
        torch.set_num_threads(config.trainer.threads)
    printed = io.StringIO()
    console = Console(file=printed, soft_wrap=True)
    context = reopen(config, folder)
    data = _member_data(context, fold, member)
    home = member_folder(folder, config, fold, member)
    how = _surroundings(context, fold, member, cell_log(folder), console)
    with told_when_full(config, data, f"training of {home.relative_to(folder)}", home):
        fit_member(config, data, home, **how)
    return printed.getvalue().rstrip("\n")


def _member_data(context: RunContext, fold: int, member: int) -> SurvivalDataModule:
    config = context.config
    data = SurvivalDataModule(
        context.cohort,
        context.folds,
        fold=fold,
        member=member if config.inner == "rotate" else 0,
        batch_size=config.data.batch_size,
        # Each worker would fill a memory of its own.
        workers=0 if isinstance(context.cohort.features, ResidentStore) else config.data.workers,
        max_patches=config.data.max_patches,
        sampler=config.data.sampler,
        eval_patches=config.data.eval_patches,
        prefetch=config.data.prefetch,
        pinned=run_device(config).type == "cuda",
        seed=member_seed(config.seed, fold, member),
    )
    data.setup()
    return data


def _surroundings(
    context: RunContext, fold: int, member: int, log: ExperimentLog, console: Console
) -> dict[str, Any]:
    """Seed, logger and progress of a network."""
    config = context.config
    home = member_folder(context.folder, config, fold, member)
    name = home.relative_to(context.folder).as_posix()
    told = f"{name} of {context.folds.n_folds}"
    return {
        "seed": member_seed(config.seed, fold, member),
        "logger": log.fold_logger(name),
        "progress": EpochProgress(console, told, config.trainer.patience),
    }

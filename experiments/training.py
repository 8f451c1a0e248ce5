"""Training of one network on one fold, resumable at any epoch."""

from __future__ import annotations

import logging
import math
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from lightning.pytorch import Callback, Trainer
from lightning.pytorch.callbacks import EarlyStopping
from lightning.pytorch.loggers import Logger
from lightning.pytorch.strategies import DDPStrategy, Strategy

from data_modules.datamodule import SurvivalDataModule
from data_modules.files import write_aside
from experiments.checkpoints import AtomicCheckpointIO, MovableCheckpoint, read_checkpoint
from experiments.config import RunConfig
from experiments.devices import on_gpu
from experiments.fan_out import place_number
from experiments.linear_start import linear_start
from mmsurv.callbacks import Evaluation, History
from mmsurv.losses import event_time_edges
from mmsurv.models.compiled import compile_token_layers
from mmsurv.programs import reconstruction_programs
from mmsurv.survival import DAYS_PER_YEAR
from mmsurv.task import SurvivalTask

MONITOR = "val/loss"


class TrainingDivergedError(RuntimeError):
    """The validation loss is not a number from the first epoch on."""


def member_seed(seed: int, fold: int, member: int) -> int:
    """A seed of its own for every network of a run."""
    return int(np.random.SeedSequence([seed, fold, member]).generate_state(1)[0])


def new_task(config: RunConfig, data: SurvivalDataModule, seed: int) -> SurvivalTask:
    """An untrained task whose every weight is a function of the seed and the training patients."""
    train = data.role_table("train")
    event = torch.tensor(train["event"].to_numpy(dtype=bool))
    time_days = torch.tensor(train["time_days"].to_numpy(dtype=float))
    edges: list[float] = []
    if config.loss == "discrete":
        edges = event_time_edges(event=event, time=time_days, bins=config.data.time_bins).tolist()
    torch.manual_seed(seed)
    task = SurvivalTask(
        sizes=list(data.sizes),
        fusion=config.fusion,
        pooling=config.pooling,
        width=config.model.width,
        heads=config.model.heads,
        dropout=config.model.dropout,
        head_start=config.model.head_start,
        gene_hidden=config.model.gene_hidden,
        gene_linear=config.model.gene_start == "ridge" and data.sizes.genes > 0,
        gene_programs=config.model.gene_programs,
        linear=config.model.linear,
        loss=config.loss,
        ties=config.ties,
        risk_set=config.risk_set,
        edges_days=edges,
        lr=config.optim.lr,
        weight_decay=config.optim.weight_decay,
        fused=config.optim.fused,
        gradient_clip=config.trainer.gradient_clip,
        seed=seed,
    )
    clinical = bool(data.sizes.covariates) and config.model.clinical_start == "cox"
    genes = bool(data.sizes.genes) and config.model.gene_start == "ridge"
    start = linear_start(
        covariates=data.role_covariates("train") if clinical else None,
        expression=data.role_expression("train") if genes else None,
        event=event,
        time=time_days,
        ties=config.ties,
        seed=seed,
    )
    task.start_linear_at(clinical=start.clinical, genes=start.genes)
    if data.sizes.genes and config.model.program_start == "reconstruction":
        wanted = max(config.model.gene_programs, config.model.gene_hidden)
        task.start_programs_at(reconstruction_programs(data.role_expression("train"), wanted))
    return task


def train_member(
    config: RunConfig,
    data: SurvivalDataModule,
    folder: Path,
    *,
    seed: int,
    logger: Logger,
    progress: Callback,
) -> SurvivalTask:
    """Trains to the lowest validation loss and returns the task with those weights.

    Picks up at `folder/last.ckpt` where one is left from a killed run.

    Raises:
        TrainingDivergedError: No epoch had a finite validation loss.
    """
    fit_member(config, data, folder, seed=seed, logger=logger, progress=progress)
    return finish_member(folder)


def finish_member(folder: Path) -> SurvivalTask:
    """Writes the curve of a training that has ended, and returns the task with its best weights.

    Raises:
        TrainingDivergedError: No epoch had a finite validation loss.
    """
    _write_history(folder / "history.csv", read_checkpoint(folder / "last.ckpt"))
    return best_task(folder)


def fit_member(
    config: RunConfig,
    data: SurvivalDataModule,
    folder: Path,
    *,
    seed: int,
    logger: Logger,
    progress: Callback,
) -> None:
    """Trains, and leaves checkpoints in the folder.

    With --trainer.devices each of the processes calls it, and the first writes.
    """
    folder.mkdir(parents=True, exist_ok=True)
    last = folder / "last.ckpt"
    task = new_task(config, data, seed)
    if config.trainer.compile == "on":
        compile_token_layers(task.net)
    history = History()
    stopping = EarlyStopping(MONITOR, patience=config.trainer.patience)
    best = MovableCheckpoint(
        folder,
        filename="best",
        monitor=MONITOR,
        save_on_train_epoch_end=True,
        enable_version_counter=False,
    )
    every_epoch = MovableCheckpoint(
        folder, filename="last", save_on_train_epoch_end=True, enable_version_counter=False
    )
    train = data.role_table("train")
    evaluation = Evaluation(
        train_event=train["event"].tolist(),
        train_time_days=train["time_days"].tolist(),
        horizons_days=[h * DAYS_PER_YEAR for h in config.horizons],
    )
    if not _stopped(last, config.trainer.patience):
        quiet()
        # deterministic=True would fill all new memory with NaN, 6 % of an epoch: a help in
        # debugging that changes no result.
        torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
        trainer = Trainer(
            max_epochs=config.trainer.max_epochs,
            accelerator=_accelerator(config),
            devices=_devices(config),
            strategy=_strategy(config),
            # The data module deals the batches to the ranks.
            use_distributed_sampler=False,
            precision=config.trainer.precision,
            # With the cohort as risk set, the task steps and clips by itself.
            gradient_clip_val=config.trainer.gradient_clip * (config.risk_set == "batch") or None,
            # Some CUDA kernels of attention and cumulative sums have no deterministic twin.
            deterministic=True if config.trainer.accelerator == "cpu" else "warn",
            callbacks=[evaluation, history, stopping, progress, best, every_epoch],
            logger=logger,
            plugins=[AtomicCheckpointIO()],
            num_sanity_val_steps=0,
            log_every_n_steps=1_000_000_000,  # only epochs are logged
            enable_progress_bar=False,
            enable_model_summary=False,
        )
        trainer.fit(task, datamodule=data, ckpt_path=str(last) if last.is_file() else None)


def _accelerator(config: RunConfig) -> str:
    if config.trainer.devices == 1:
        return config.trainer.accelerator
    return "gpu" if on_gpu(config) else "cpu"


def _strategy(config: RunConfig) -> Strategy | str:
    # A batch whose patients all have an image does not use the vector of its absence, say.
    return DDPStrategy(find_unused_parameters=True) if config.trainer.devices > 1 else "auto"


def _devices(config: RunConfig) -> int | list[int]:
    """One device, of which processes that share a machine take its GPUs in turn; or the first."""
    if config.trainer.devices > 1:
        return list(range(config.trainer.devices)) if on_gpu(config) else config.trainer.devices
    if config.trainer.accelerator == "cpu" or torch.cuda.device_count() < 2:
        return 1
    return [place_number() % torch.cuda.device_count()]


def best_task(folder: Path) -> SurvivalTask:
    """The task with the weights of the lowest validation loss, in evaluation mode.

    Raises:
        TrainingDivergedError: No epoch had a finite validation loss.
    """
    path = folder / "best.ckpt"
    content = read_checkpoint(path)
    scores = [
        state["best_model_score"]
        for name, state in content["callbacks"].items()
        if name.startswith("MovableCheckpoint") and state["monitor"] == MONITOR
    ]
    if not all(math.isfinite(float(score)) for score in scores):
        raise TrainingDivergedError(
            f"{path}: the validation loss is {float(scores[0])}; lower --optim.lr or set "
            "--trainer.gradient_clip"
        )
    task = SurvivalTask(**content["hyper_parameters"])
    task.load_state_dict(content["state_dict"])
    return task.eval()


def _stopped(last: Path, patience: int) -> bool:
    """Whether a killed run had already stopped early: one more epoch would change its bytes.

    It stops out of patience, or at once where the validation loss is no longer finite.
    """
    if not last.is_file():
        return False
    states = read_checkpoint(last)["callbacks"]
    return any(
        name.startswith("EarlyStopping")
        and (state["wait_count"] >= patience or state["stopped_epoch"] > 0)
        for name, state in states.items()
    )


def _write_history(path: Path, checkpoint: dict[str, Any]) -> None:
    """The curve as CSV, from the last checkpoint, so that a killed run writes the same."""
    (state,) = (s for name, s in checkpoint["callbacks"].items() if name.startswith("History"))
    rows = pd.DataFrame(state["rows"]).astype({"epoch": int}).set_index("epoch").sort_index(axis=1)
    with write_aside(path) as aside:
        rows.to_csv(aside, lineterminator="\n")


def quiet() -> None:
    """Leaves the terminal to our own progress."""
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    for pattern in (
        # Bags are small and reads fast: the main process may read them (--data.workers).
        ".*does not have many workers.*",
        # A resumed run writes into the folder that it left.
        ".*Checkpoint directory .* exists and is not empty.*",
        # Its curves before the kill are in history.csv.
        ".*Experiment logs directory .* exists and is not empty.*",
        # Epochs, not steps, are logged.
        ".*number of training batches .* is smaller than the logging interval.*",
        # Devices are chosen by --trainer.accelerator.
        ".*GPU available but not used.*",
        # Lightning 2.6 asks torch 2.12 for a class that moved.
        ".*treespec, LeafSpec.*",
    ):
        warnings.filterwarnings("ignore", pattern)

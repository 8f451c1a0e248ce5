"""Does the harness cost time? An epoch of the real training against a bare PyTorch loop.

The bare loop has the same network, loss, optimiser and batches, but all batches lie collated in
memory, and it neither evaluates, logs nor saves. A bare epoch runs before every epoch of the
trainer, so both see the same machine; ratios are of such neighbours.
"""

from __future__ import annotations

import io
import statistics
import tempfile
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import torch
from lightning.pytorch import LightningModule, Trainer
from rich.console import Console

from data_modules.cohort import Cohort, load_cohort
from data_modules.datamodule import SurvivalDataModule
from data_modules.folds import Folds, make_folds
from data_modules.manifest import load_manifest
from data_modules.toy import build_toy
from data_modules.toy_truth import ToyConfig
from experiments.benchmarks.clock import Moment, median_ratio, now
from experiments.benchmarks.report import Report, Row
from experiments.cohorts import TOY_ROOT
from experiments.config import LoggerName, RunConfig
from experiments.config_parts import TrainerConfig, WandbConfig
from experiments.fast_bags import with_fast_bags
from experiments.loggers import experiment_log
from experiments.progress import EpochProgress
from experiments.run_folder import write_start
from experiments.training import new_task, train_member
from mmsurv.batch import Batch, collate

# First epochs allocate memory, open files and start threads.
WARM_UP = 2
GOAL = 0.15


@dataclass(frozen=True)
class Settings:
    """What is measured.

    Attributes:
        patients: Size of the toy cohort.
        epochs: Epochs a fit, besides the warm-up.
        fits: Fits a logger.
        loggers: Loggers of the trainer.
        threads: Of PyTorch. With more than one, a busy machine stretches every barrier.
    """

    patients: int = 400
    epochs: int = 30
    fits: int = 1
    loggers: tuple[LoggerName, ...] = ("csv", "wandb")
    threads: int = 1


class BareLoop:
    """Plain PyTorch: the same numbers as the trainer's, without anything round them.

    Args:
        config: Network and optimiser.
        data: Read once, kept in memory.
        seed: Of weights, dropout and order.

    Attributes:
        val_losses: One an epoch.
    """

    def __init__(self, config: RunConfig, data: SurvivalDataModule, seed: int) -> None:
        task = new_task(config, data, seed)
        self.net, self.loss = task.net, task.loss
        self.optimiser = task.configure_optimizers()
        self.seed = seed
        self.sampler = data.train_dataloader().sampler
        dataset = data.role_dataset("train")
        self.patients = [dataset[index] for index in range(len(dataset))]
        self.batch_size = config.data.batch_size
        self.validation = list(data.val_dataloader())
        self.val_losses: list[float] = []

    def batches(self, epoch: int) -> list[Batch]:
        """The trainer's batches of an epoch."""
        self.sampler.set_epoch(epoch)  # type: ignore[attr-defined]
        order = [self.patients[draw.position] for draw in self.sampler]
        size = self.batch_size
        return [collate(order[i : i + size]) for i in range(0, len(order), size)]

    def run(self, epoch: int, batches: list[Batch]) -> None:
        """One epoch and a validation pass."""
        torch.manual_seed(self.seed * 1_000_003 + epoch)
        self.net.train()
        for batch in batches:
            if not bool(batch.event.any()):
                self.net(batch)  # the trainer's forward pass draws dropout here too
                continue
            self.optimiser.zero_grad()
            self._loss(self.net(batch), batch.event, batch.time_days).backward()
            self.optimiser.step()
        self.net.eval()
        with torch.inference_mode():
            log_hazard = torch.cat([self.net(batch) for batch in self.validation])
            event = torch.cat([batch.event for batch in self.validation])
            time_days = torch.cat([batch.time_days for batch in self.validation])
            self.val_losses.append(float(self._loss(log_hazard, event, time_days)))

    def _loss(
        self, log_hazard: torch.Tensor, event: torch.Tensor, time_days: torch.Tensor
    ) -> torch.Tensor:
        loss: torch.Tensor = self.loss(log_hazard=log_hazard, event=event, time=time_days)
        return loss


class Stopwatch(EpochProgress):
    """The usual progress callback; runs a bare epoch before each of the trainer's and times both.

    Attributes:
        real: Durations of the trainer's epochs, from the start of one to the start of the next.
        bare: Durations of the bare epochs.
    """

    def __init__(self, bare: BareLoop) -> None:
        super().__init__(Console(file=io.StringIO()), "benchmark", patience=1)
        self.loop = bare
        self.real: list[Moment] = []
        self.bare: list[Moment] = []
        self.since = now()

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Ends the previous epoch's time, runs the bare epoch, and starts the clock again."""
        epoch = trainer.current_epoch
        if epoch:
            self.real.append(self.since.until(now()))
        batches = self.loop.batches(epoch)
        deterministic = torch.are_deterministic_algorithms_enabled()
        torch.use_deterministic_algorithms(False)
        self.since = now()
        self.loop.run(epoch, batches)
        self.bare.append(self.since.until(now()))
        torch.use_deterministic_algorithms(deterministic)
        self.since = now()

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Ends the last epoch's time."""
        self.real.append(self.since.until(now()))


def measure(settings: Settings) -> Report:
    """Times the trainer with each logger against the bare loop."""
    torch.set_num_threads(settings.threads)
    config = RunConfig(
        toy=ToyConfig(patients=settings.patients),
        trainer=TrainerConfig(max_epochs=WARM_UP + settings.epochs, patience=1_000_000),
        wandb=WandbConfig(mode="offline"),
    )
    cohort = load_cohort(load_manifest(build_toy(config.toy, TOY_ROOT)))
    # As a run does: bags stay in memory from the first of the epochs that are not counted.
    cohort, _ = with_fast_bags(config, cohort)
    folds = make_folds(cohort, n_folds=config.folds, protocol=config.protocol, seed=config.seed)
    watches: dict[LoggerName, list[Stopwatch]] = {name: [] for name in settings.loggers}
    for _ in range(settings.fits):
        for logger in settings.loggers:
            watches[logger].append(timed_fit(replace(config, logger=logger), cohort, folds))
    measurements: list[Row] = [
        {
            "logger": logger,
            "fit": fit,
            "epoch": epoch,
            "bare_s": bare.wall,
            "trainer_s": real.wall,
            "bare_cpu_s": bare.cpu,
            "trainer_cpu_s": real.cpu,
        }
        for logger, fits in watches.items()
        for fit, watch in enumerate(fits)
        for epoch, (bare, real) in enumerate(zip(watch.bare, watch.real, strict=True))
        if epoch >= WARM_UP
    ]
    rows = [_row(logger, measurements) for logger in settings.loggers]
    return Report(
        name="epoch",
        title=f"time per epoch, toy cohort of {settings.patients}, trainer against a bare loop",
        rows=rows,
        notes=[
            f"goal: overhead below {GOAL:.0%}",
            "cpu counts only what this process computed: other programs hardly change it",
        ],
        settings=asdict(settings),
        measurements=measurements,
    )


def timed_fit(config: RunConfig, cohort: Cohort, folds: Folds) -> Stopwatch:
    """One real training of fold 0 in a temporary run folder."""
    data = SurvivalDataModule(cohort, folds, fold=0, batch_size=config.data.batch_size)
    data.setup()
    watch = Stopwatch(BareLoop(config, data, seed=0))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_start(config, folder, data_hash=cohort.data_hash, folds_hash=folds.hash)
        log = experiment_log(config, folder)
        train_member(
            config, data, folder / "fold0", seed=0, logger=log.fold_logger("fold0"), progress=watch
        )
        log.finish({}, {})
    return watch


def _row(logger: LoggerName, measurements: list[Row]) -> Row:
    own = [row for row in measurements if row["logger"] == logger]
    bare, real, bare_cpu, real_cpu = (
        [row[name] for row in own]
        for name in ("bare_s", "trainer_s", "bare_cpu_s", "trainer_cpu_s")
    )
    return {
        "logger": logger,
        "epochs": len(own),
        "bare_ms": 1000 * statistics.median(bare),
        "trainer_ms": 1000 * statistics.median(real),
        "overhead_percent": 100 * (median_ratio(real, bare) - 1),
        "cpu_overhead_percent": 100 * (median_ratio(real_cpu, bare_cpu) - 1),
    }

"""The configuration: every field is a flag, a key of `--config` files, and a line of `--help`.

Imports nothing heavy, so that `--help` answers at once.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from data_modules.toy_truth import ToyConfig
from mmsurv.names import (
    FusionName,
    LossName,
    Modality,
    PoolingName,
    Protocol,
    RiskSet,
    SplitName,
    Ties,
)

LoggerName = Literal["wandb", "csv", "tensorboard", "mlflow"]

# Whether a value is fine, and what to say where it is not.
Check = tuple[bool, str]

LONGEST_YEARS = 100


@dataclass(frozen=True)
class ModelConfig:
    """Size and start of the network."""

    width: int = 64
    """Width d of patch and gene tokens."""
    heads: int = 4
    """Attention heads; must divide the width."""
    dropout: float = 0.1
    """Dropout on tokens, in attention blocks and before the head."""
    clinical_start: Literal["cox", "random"] = "cox"
    """Start the clinical weights of the final layer at the ridge Cox solution of the training
    patients, or at random."""
    head_start: float = 0.3
    """Factor on the initial weights of the head that reads the fused vector; small starts near the
    clinical model."""


@dataclass(frozen=True)
class OptimConfig:
    """AdamW."""

    lr: float = 1e-3
    """Learning rate."""
    weight_decay: float = 0.01
    """Decoupled weight decay."""


@dataclass(frozen=True)
class TrainerConfig:
    """How long and on what to train."""

    max_epochs: int = 150
    """Most epochs a fold."""
    patience: int = 5
    """Epochs without a lower validation loss after which training stops."""
    gradient_clip: float = 0.0
    """Largest norm of the gradient; 0 does not clip."""
    accelerator: Literal["auto", "cpu", "gpu"] = "cpu"
    """Device kind. On a CPU the same seed gives the same bytes."""
    precision: Literal["32-true", "bf16-mixed", "16-mixed"] = "32-true"
    """Floating point precision of training."""
    threads: int = 0
    """CPU threads of PyTorch; 0 leaves PyTorch's own choice."""


@dataclass(frozen=True)
class DataConfig:
    """How bags reach the model."""

    batch_size: int = 12
    """Patients a batch; the Cox risk set is the batch, unless --risk_set is cohort."""
    workers: int = 0
    """Processes that read bags beside the training process."""
    cache: bool = False
    """Keep bags in memory after their first read instead of streaming them every epoch."""
    max_patches: int = 0
    """Random patches a patient and epoch in training; 0 takes all. Evaluation always takes all."""
    time_bins: int = 8
    """Time bins of the discrete loss, at quantiles of the training events."""


@dataclass(frozen=True)
class WandbConfig:
    """Weights & Biases."""

    project: str = "mmsurv"
    """Project of the run."""
    entity: str = ""
    """User or team; empty takes the account's default."""
    mode: Literal["auto", "online", "offline", "disabled"] = "auto"
    """auto is online where an API key is configured and offline otherwise; it never asks."""
    tags: tuple[str, ...] = ()
    """Tags of the run."""
    notes: str = ""
    """Notes of the run."""
    group: str = ""
    """Group of the run; empty groups runs that differ in their seed alone."""
    per_fold_runs: bool = False
    """One run a fold and a summary run, in a group, instead of one run."""
    upload: Literal["all", "numbers"] = "all"
    """all: also predictions by patient and checkpoints; numbers: curves, scores and figures."""
    wait: float = 60.0
    """Seconds that a finished run waits for the server; wandb sync sends what is left."""


@dataclass(frozen=True)
class MlflowConfig:
    """MLflow."""

    uri: str = ""
    """Tracking server; empty takes MLFLOW_TRACKING_URI, or a file store in the run folder."""
    experiment: str = "mmsurv"
    """Experiment of the run."""


@dataclass(frozen=True)
class RunConfig:
    """Cross-validates one model on one cohort."""

    cohort: str = "toy"
    """Manifest (cohort.yaml) of the cohort, or "toy": a simulated cohort with a known hazard, built
    on first use."""
    endpoint: str = ""
    """Endpoint of the manifest, such as OS or PFI; empty takes the manifest's default."""
    fusion: FusionName = "dual_xattn"
    """How image and genes come together."""
    pooling: PoolingName = "self_attention"
    """How patches become tokens and a vector."""
    modalities: tuple[Modality, ...] = ("image", "genes", "clinical")
    """Kinds of data the model sees, at least one."""
    encoder: str = ""
    """Which features of the manifest are the image, such as maxvit; empty takes the manifest's
    default."""
    loss: LossName = "cox"
    """cox: negative partial log-likelihood; discrete: likelihood of grouped times."""
    ties: Ties = "efron"
    """How the Cox loss treats equal event times."""
    risk_set: RiskSet = "batch"
    """batch: a patient is compared with those of the batch, a step a batch; cohort: with all
    training patients, exactly and whatever the batch, a step an epoch."""
    protocol: Protocol = "nested"
    """nested: stop on an inner split, report the untouched outer fold; paper: the outer fold does
    both, as published."""
    folds: int = 5
    """Folds of the cross-validation, stratified by subtype and event."""
    split: SplitName = "stratified"
    """stratified: patients are dealt; site: a site of collection is never on both sides of a fold;
    leave_one_site_out: a fold a site with events enough, the others together."""
    stratify: tuple[str, ...] = ()
    """Columns of the cohort that folds are alike in, besides subtype and event."""
    folds_file: str = ""
    """Somebody else's folds: a table with patient_id and fold, or a folder of split files with
    columns train, val and test, as MCAT and SurvPath have them."""
    repeats: int = 1
    """How often the whole cross-validation is drawn anew; the numbers of folds run on."""
    draw: tuple[str, ...] = ()
    """Draws a part of the cohort by subtype, such as LumA=149 LumB=100; () takes everybody."""
    only_folds: tuple[int, ...] = ()
    """Run only these folds, counted from 0; () runs all."""
    seed: int = 0
    """Seed of folds, initial weights, shuffling and dropout."""
    ensemble: int = 1
    """Networks a fold, each from its own seed; their standardised log hazards are averaged."""
    horizons: tuple[float, ...] = (5.0, 10.0)
    """Years at which survival is predicted and scored."""
    out: str = ""
    """Run folder; empty makes runs/<time>-<cohort>-<fusion>."""
    resume: bool = False
    """Continue the killed run in --out, to the same bytes."""
    logger: LoggerName = "wandb"
    """Where curves and numbers are logged beside the run folder, which has them as CSV always."""
    model: ModelConfig = field(default_factory=ModelConfig)
    """The network."""
    optim: OptimConfig = field(default_factory=OptimConfig)
    """The optimiser."""
    trainer: TrainerConfig = field(default_factory=TrainerConfig)
    """The trainer."""
    data: DataConfig = field(default_factory=DataConfig)
    """The data module."""
    wandb: WandbConfig = field(default_factory=WandbConfig)
    """The logger's account."""
    mlflow: MlflowConfig = field(default_factory=MlflowConfig)
    """The other logger's server."""
    toy: ToyConfig = field(default_factory=ToyConfig)
    """The simulated cohort, where --cohort is toy."""

    def problems(self) -> list[str]:
        """Everything wrong with the values themselves, in the words of the flags."""
        checks: list[Check] = [
            (bool(self.modalities), "--modalities is empty: name at least one"),
            (
                len(set(self.modalities)) == len(self.modalities),
                f"--modalities names one twice: {list(self.modalities)}",
            ),
            (
                self.risk_set == "batch" or self.loss == "cox",
                f"--risk_set={self.risk_set}: only the Cox loss has risk sets, not {self.loss}",
            ),
            (self.folds >= 2, f"--folds={self.folds}: at least 2 are needed"),
            (self.repeats >= 1, f"--repeats={self.repeats}: at least 1"),
            (
                self.repeats == 1 or not (self.folds_file or self.split == "leave_one_site_out"),
                f"--repeats={self.repeats}: a file and single sites leave nothing to draw anew",
            ),
            (
                not self.folds_file or self.split == "stratified",
                f"--folds_file and --split={self.split} exclude each other",
            ),
            (
                all(k >= 0 for k in self.only_folds)
                and (
                    bool(self.folds_file)
                    or self.split == "leave_one_site_out"
                    or all(k < self.folds * self.repeats for k in self.only_folds)
                ),
                f"--only_folds={list(self.only_folds)}: folds count from 0 to "
                f"{self.folds * self.repeats - 1}",
            ),
            (
                len(set(self.only_folds)) == len(self.only_folds),
                f"--only_folds names one twice: {list(self.only_folds)}",
            ),
            (
                bool(self.horizons) and all(h > 0 for h in self.horizons),
                f"--horizons={list(self.horizons)}: give at least one positive number of years",
            ),
            (
                len(set(self.horizons)) == len(self.horizons),
                f"--horizons names one twice: {list(self.horizons)}",
            ),
            (
                not any(h > LONGEST_YEARS for h in self.horizons),
                f"--horizons={list(self.horizons)}: years, at most {LONGEST_YEARS}; are these "
                "days?",
            ),
            (self.ensemble >= 1, f"--ensemble={self.ensemble}: at least 1"),
            (self.seed >= 0, f"--seed={self.seed}: must not be negative"),
            (not self.resume or bool(self.out), "--resume needs --out, the folder to continue"),
        ]
        checks += [*self._training_checks(), *_toy_checks(self.toy)]
        return [message for fine, message in checks if not fine]

    def _training_checks(self) -> list[Check]:
        return [
            (self.model.width >= 1, f"--model.width={self.model.width}: at least 1"),
            (
                self.model.heads >= 1 and self.model.width % max(self.model.heads, 1) == 0,
                f"--model.heads={self.model.heads} does not divide "
                f"--model.width={self.model.width}",
            ),
            (
                0 <= self.model.dropout < 1,
                f"--model.dropout={self.model.dropout}: from 0 to below 1",
            ),
            (self.model.head_start > 0, f"--model.head_start={self.model.head_start}: must be > 0"),
            (self.optim.lr > 0, f"--optim.lr={self.optim.lr}: must be positive"),
            (
                self.optim.weight_decay >= 0,
                f"--optim.weight_decay={self.optim.weight_decay}: must not be negative",
            ),
            (self.trainer.max_epochs >= 1, f"--trainer.max_epochs={self.trainer.max_epochs}: >= 1"),
            (self.trainer.patience >= 1, f"--trainer.patience={self.trainer.patience}: at least 1"),
            (
                self.trainer.gradient_clip >= 0,
                f"--trainer.gradient_clip={self.trainer.gradient_clip}: must not be negative",
            ),
            (self.trainer.threads >= 0, f"--trainer.threads={self.trainer.threads}: 0 or more"),
            (self.data.batch_size >= 1, f"--data.batch_size={self.data.batch_size}: at least 1"),
            (self.data.workers >= 0, f"--data.workers={self.data.workers}: 0 or more"),
            (self.data.max_patches >= 0, f"--data.max_patches={self.data.max_patches}: 0 or more"),
            (self.wandb.wait > 0, f"--wandb.wait={self.wandb.wait}: must be positive"),
            (self.data.time_bins >= 2, f"--data.time_bins={self.data.time_bins}: at least 2"),
        ]


def _toy_checks(toy: ToyConfig) -> list[Check]:
    return [
        (toy.patients >= 10, f"--toy.patients={toy.patients}: at least 10"),
        (toy.seed >= 0, f"--toy.seed={toy.seed}: must not be negative"),
        (0 <= toy.censoring < 1, f"--toy.censoring={toy.censoring}: from 0 to below 1"),
        (0 <= toy.lacking < 1, f"--toy.lacking={toy.lacking}: from 0 to below 1"),
        (
            1 <= toy.patches_min <= toy.patches_max,
            f"--toy.patches_min={toy.patches_min}: from 1 to --toy.patches_max={toy.patches_max}",
        ),
        (toy.patch_noise >= 0, f"--toy.patch_noise={toy.patch_noise}: must not be negative"),
        (toy.stain >= 0, f"--toy.stain={toy.stain}: must not be negative"),
    ]

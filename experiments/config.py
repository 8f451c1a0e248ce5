"""The configuration: every field is a flag, a key of `--config` files, and a line of `--help`.

Imports nothing heavy, so that `--help` answers at once.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from data_modules.toy_truth import ToyConfig
from experiments.arms import arm_checks
from experiments.config_parts import (
    DataConfig,
    MlflowConfig,
    ModelConfig,
    OptimConfig,
    TrainerConfig,
    WandbConfig,
)
from experiments.model_checks import model_checks
from mmsurv.names import (
    FusionName,
    InnerSplit,
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
    inner: InnerSplit = "fixed"
    """Whom the members of an ensemble stop on, under protocol nested. fixed: all on one fifth of
    the others; rotate: each on a fifth of its own, so that together they learn from everybody."""
    ensemble: int = 1
    """Networks a fold, each from its own seed; their standardised log hazards are averaged."""
    baselines: bool = True
    """Fit classical models (Cox, ridge, elastic net, survival forest) in the same folds; see
    docs/baselines.md."""
    horizons: tuple[float, ...] = (5.0, 10.0)
    """Years at which survival is predicted and scored."""
    out: str = ""
    """Run folder; empty makes runs/<time>-<cohort>-<fusion>."""
    resume: bool = False
    """Continue the killed run in --out, to the same bytes."""
    jobs: int = 1
    """Processes that train folds, repeats, members and arms side by side; the bytes are those of
    one process."""
    cluster: str = ""
    """Does the same through Dask: local, tcp://host:port of a scheduler, slurm or pbs."""
    arms: tuple[str, ...] = ()
    """Several runs on the same folds, such as image+genes+clinical@maxvit image@resnet50
    cox_clinical; () runs --modalities alone."""
    protocols: tuple[Protocol, ...] = ()
    """Every arm under each of these, side by side; () runs --protocol alone."""
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

    @property
    def here(self) -> bool:
        """Whether its cells are done on this machine, and not by a cluster of others."""
        return self.cluster in ("", "local")

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
            (
                self.inner == "fixed" or self.ensemble > 1,
                f"--inner={self.inner}: one network has nothing to rotate; set --ensemble",
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
        checks += model_checks(self.model, self.modalities)
        checks += [*self._training_checks(), *self._data_checks()]
        checks += [*_toy_checks(self.toy), *arm_checks(self)]
        return [message for fine, message in checks if not fine]

    def _training_checks(self) -> list[Check]:
        return [
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
            (self.trainer.devices >= 1, f"--trainer.devices={self.trainer.devices}: at least 1"),
            (
                self.trainer.devices == 1 or (self.jobs == 1 and not self.cluster),
                f"--trainer.devices={self.trainer.devices}: networks trained by several processes "
                "are trained one after the other; leave out --jobs and --cluster",
            ),
            (
                self.trainer.devices <= max(self.data.batch_size, 1),
                f"--trainer.devices={self.trainer.devices}: a batch of --data.batch_size="
                f"{self.data.batch_size} has no patient for each",
            ),
            (
                self.optim.fused == "off"
                or self.trainer.precision != "16-mixed"
                or not self.trainer.gradient_clip,
                "--optim.fused=on: with --trainer.precision 16-mixed it unscales gradients by "
                "itself, and --trainer.gradient_clip cannot clip them",
            ),
            (
                self.risk_set == "batch"
                or self.trainer.precision != "16-mixed"
                or not self.trainer.gradient_clip,
                "--risk_set=cohort: with --trainer.precision 16-mixed, gradients are still scaled "
                "when --trainer.gradient_clip measures them; take bf16-mixed, or do not clip",
            ),
            (
                self.trainer.precision != "16-mixed" or self.trainer.accelerator != "cpu",
                "--trainer.precision=16-mixed: not on a CPU; take bf16-mixed, or set "
                "--trainer.accelerator gpu",
            ),
            (self.trainer.threads >= 0, f"--trainer.threads={self.trainer.threads}: 0 or more"),
            (self.wandb.wait > 0, f"--wandb.wait={self.wandb.wait}: must be positive"),
        ]

    def _data_checks(self) -> list[Check]:
        return [
            (self.data.batch_size >= 1, f"--data.batch_size={self.data.batch_size}: at least 1"),
            (
                self.data.batch_size != 1 or self.loss != "cox" or self.risk_set == "cohort",
                "--data.batch_size=1: the Cox loss compares the patients of a batch, and one "
                "teaches nothing; set --risk_set cohort, which is exact at any size",
            ),
            (self.data.workers >= 0, f"--data.workers={self.data.workers}: 0 or more"),
            (self.data.max_patches >= 0, f"--data.max_patches={self.data.max_patches}: 0 or more"),
            (
                self.data.eval_patches >= 0,
                f"--data.eval_patches={self.data.eval_patches}: 0 or more",
            ),
            (self.data.prefetch >= 0, f"--data.prefetch={self.data.prefetch}: 0 or more"),
            (
                not self.data.cache or self.data.resident != "off",
                "--data.cache and --data.resident=off contradict each other",
            ),
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

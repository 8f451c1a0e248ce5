"""Groups of the configuration: model, optimiser, trainer, data, W&B."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


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
    gene_start: Literal["none", "ridge"] = "none"
    """ridge: add a linear path from expression to the log hazard, started at a ridge Cox regression
    of the training patients, and scale it and the clinical weights to count alike, as in a late
    fusion; none leaves it out."""
    linear: Literal["learned", "held"] = "learned"
    """held: clinical weights and the linear path from expression stay where they start, as an
    offset; the network learns what they leave over."""
    gene_hidden: int = 0
    """Hidden units of a small network from expression straight to the log hazard, beside the tokens
    that the image reads, and in their place where there is no image; 0 leaves it out."""
    gene_programs: int = 0
    """Tokens of so many programs, learned weightings of genes, in place of one a gene; 0 leaves
    one a gene."""
    program_start: Literal["random", "reconstruction"] = "random"
    """reconstruction: programs and hidden units on genes start at the weightings that rebuild the
    expression of the training patients best; no outcome is looked at."""


@dataclass(frozen=True)
class OptimConfig:
    """AdamW."""

    lr: float = 1e-3
    """Learning rate."""
    weight_decay: float = 0.01
    """Decoupled weight decay."""
    fused: Literal["on", "off"] = "off"
    """Step all weights in one kernel: faster, other last digits."""


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
    devices: int = 1
    """Processes that train one network together, each on a GPU, or all on the CPU. Batches, losses
    and metrics are those of one process; see docs/distributed.md."""
    precision: Literal["32-true", "bf16-mixed", "16-mixed"] = "32-true"
    """Floating point precision of training."""
    compile: Literal["on", "off"] = "off"
    """Compile the layers that see one token at a time; see docs/speed.md for when it pays."""
    threads: int = 1
    """CPU threads of a network. The last digits depend on it, so it does not depend on the machine
    by itself; 0 takes every core, or with --jobs its share of them."""


@dataclass(frozen=True)
class DataConfig:
    """How bags reach the model."""

    batch_size: int = 12
    """Patients a batch; the Cox risk set is the batch, unless --risk_set is cohort."""
    workers: int = 0
    """Processes that read bags beside the training process; none where bags are kept in memory."""
    prefetch: int = 0
    """Batches that a thread reads ahead while one is computed, where there are no workers; 0 reads
    when asked."""
    store: Literal["files", "packed"] = "files"
    """files: bags come from the feature files; packed: from one file, one call a bag,
    made on first use beside the features."""
    packed_in: str = ""
    """Folder of the packed features; empty: beside the features, as <folder>.packed."""
    resident: Literal["auto", "on", "off"] = "auto"
    """Keep bags in memory after their first read, that of the GPU where one trains. auto: where
    they fit into half of what is free."""
    cache: bool = False
    """Older name of --data.resident on."""
    max_patches: int = 0
    """Random patches a patient and epoch in training; 0 takes all."""
    sampler: Literal["random", "event_balanced"] = "random"
    """random: any patient in any batch; event_balanced: the events of an epoch spread evenly over
    its batches, so that none lacks one while they suffice."""
    eval_patches: int = 0
    """Patches a patient in evaluation, the same ones in every run; 0 takes all."""
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

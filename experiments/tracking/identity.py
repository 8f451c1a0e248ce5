"""What a run is called in the logs, the same when it is resumed, and what made its numbers."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from experiments.config import RunConfig
from experiments.run_folder import write_json

FILE = "tracking.json"


@dataclass(frozen=True)
class Identity:
    """Names of a run.

    Attributes:
        wandb_id: Of the W&B run.
        mlflow_id: Of the MLflow run; empty before there is one.
        cohort: Name of the cohort's manifest, or toy.
        described: Commit, data_hash, folds_hash, versions and the run folder.
    """

    wandb_id: str
    mlflow_id: str
    cohort: str
    described: dict[str, Any]


def identity(config: RunConfig, folder: Path) -> Identity:
    """Reads what the run is called, or names it: as `wandb agent` wants it, or by its content.

    Args:
        config: Of the run.
        folder: The run folder, with its environment.json.
    """
    environment = json.loads((folder / "environment.json").read_text(encoding="utf-8"))
    stored = folder / FILE
    names = {"wandb": os.environ.get("WANDB_RUN_ID") or environment["run_id"], "mlflow": ""}
    if stored.is_file():
        names |= json.loads(stored.read_text(encoding="utf-8"))
    else:
        write_json(stored, names)
    described = {key: environment[key] for key in ("commit", "data_hash", "folds_hash", "python")}
    described |= {f"versions.{name}": v for name, v in environment["versions"].items()}
    return Identity(
        wandb_id=names["wandb"],
        mlflow_id=names["mlflow"],
        cohort=cohort_name(config),
        described=described | {"run_folder": str(folder)},
    )


def cohort_name(config: RunConfig) -> str:
    """The name of the manifest, or of its folder where every manifest is called cohort.

    Example:
        >>> cohort_name(RunConfig()), cohort_name(RunConfig(cohort="data/brca/cohort.yaml"))
        ('toy', 'brca')
    """
    path = Path(config.cohort)
    return path.parent.name if path.stem == "cohort" and path.parent.name else path.stem


def remember(folder: Path, **names: str) -> None:
    """Adds names that a destination gave."""
    stored = folder / FILE
    write_json(stored, json.loads(stored.read_text(encoding="utf-8")) | names)

"""The run folder: what stands beside every result, and what a resumed run may rely on."""

from __future__ import annotations

import hashlib
import json
import platform
import subprocess
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from data_modules.files import write_aside
from data_modules.problems import BadInput, Problem
from experiments.config import RunConfig
from experiments.device import UNKNOWN, run_attention
from experiments.locking import LOCK
from experiments.parsing import as_plain, to_yaml

PACKAGES = (
    "mmsurv", "torch", "lightning", "torchmetrics", "torchsurv", "numpy", "pandas", "scipy",
    "wandb",
)  # fmt: skip

# These may differ between a run and its resumption without changing a number.
FREE_TO_CHANGE = (
    "out", "resume", "logger", "wandb", "mlflow", "jobs", "cluster", "data.workers",
    "data.prefetch", "data.store", "data.packed_in", "data.resident", "data.cache",
)  # fmt: skip

WAYS_OUT = {"attention": ": go on with the --trainer.accelerator and the kind of machine it had"}


def open_run_folder(config: RunConfig, folder: Path) -> None:
    """Checks that a run may write to the folder; creates nothing.

    Raises:
        BadInput: The folder is taken by another run, or holds nothing to resume, or was made with
            another configuration.
    """
    stored = folder / "config.yaml"
    if folder.exists() and not folder.is_dir():
        raise BadInput([Problem(str(folder), None, None, "--out is a file, not a folder")])
    if not config.resume:
        if folder.exists() and any(not _passing(path) for path in folder.iterdir()):
            raise BadInput(
                [
                    Problem(
                        str(folder),
                        None,
                        None,
                        "the run folder is not empty: continue it with --resume, or choose another "
                        "--out",
                    )
                ]
            )
        return
    if not stored.is_file():
        raise BadInput(
            [Problem(str(stored), None, None, "nothing to resume: the file does not exist")]
        )
    before = _flat(yaml.safe_load(stored.read_text(encoding="utf-8")))
    now = _flat(as_plain(config))
    changed = [
        Problem(
            str(stored),
            None,
            key,
            f"the run was started with {before.get(key)!r}, now {now.get(key)!r}: a resumed run "
            "must not change it",
        )
        for key in sorted(before.keys() | now.keys())
        if before.get(key) != now.get(key) and not {key, key.split(".")[0]} & {*FREE_TO_CHANGE}
    ]
    if changed:
        raise BadInput(changed)


def _passing(path: Path) -> bool:
    return path.suffix == ".partial" or path.name == LOCK


def write_start(config: RunConfig, folder: Path, *, data_hash: str, folds_hash: str) -> None:
    """Writes config.yaml and environment.json; a resumed run is held against them instead.

    Raises:
        BadInput: The data or the folds changed since the run was started, or the device has another
            kernel of attention.
    """
    environment_file = folder / "environment.json"
    if config.resume and environment_file.is_file():
        before = json.loads(environment_file.read_text(encoding="utf-8"))
        now = {"data_hash": data_hash, "folds_hash": folds_hash}
        # Another kernel has other last digits; runs of earlier versions do not tell theirs.
        kernels = {before.get("attention", UNKNOWN), attention := run_attention(config)}
        if UNKNOWN not in kernels:
            now["attention"] = attention
        changed = [
            Problem(
                str(environment_file), None, key,
                f"was {before[key]}, is now {value}{WAYS_OUT.get(key, '')}",
            )
            for key, value in now.items()
            if before[key] != value
        ]  # fmt: skip
        if changed:
            raise BadInput(changed)
        return
    folder.mkdir(parents=True, exist_ok=True)
    # First of all: --resume needs no more than this file.
    fresh = replace(config, resume=False)
    with write_aside(folder / "config.yaml") as path:
        path.write_text(to_yaml(fresh), encoding="utf-8")
    environment = {
        "versions": {name: version(name) for name in PACKAGES},
        "python": platform.python_version(),
        "platform": platform.platform(),
        "commit": _commit(),
        "seed": config.seed,
        "attention": run_attention(config),
        "data_hash": data_hash,
        "folds_hash": folds_hash,
        "run_id": hashlib.sha256(
            f"{folder.resolve()}{data_hash}{to_yaml(fresh)}".encode()
        ).hexdigest()[:8],
    }
    write_json(environment_file, environment)


def run_id(folder: Path) -> str:
    """Identifier of the run, the same when it is resumed."""
    environment = json.loads((folder / "environment.json").read_text(encoding="utf-8"))
    return str(environment["run_id"])


def write_csv(table: pd.DataFrame, path: Path) -> None:
    """Writes a table aside and renames it; floats keep every digit."""
    with write_aside(path) as aside:
        table.to_csv(aside, index=False, lineterminator="\n")


def write_json(path: Path, content: dict[str, Any]) -> None:
    """Writes JSON aside and renames it. NaN becomes null, which every JSON reader accepts."""
    with write_aside(path) as aside:
        aside.write_text(
            json.dumps(_without_nan(content), indent=2, allow_nan=False) + "\n", encoding="utf-8"
        )


def flat_config(config: RunConfig) -> dict[str, Any]:
    """The configuration with dotted names, as the flags spell them."""
    return _flat(as_plain(config))


def _flat(tree: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in tree.items():
        if isinstance(value, dict):
            flat |= _flat(value, f"{prefix}{key}.")
        else:
            flat[prefix + key] = value
    return flat


def _without_nan(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_nan(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_without_nan(item) for item in value]
    if isinstance(value, float) and value != value:
        return None
    return value


def _commit() -> str:
    """Commit of the code, with "+changes" where the working tree differs; "unknown" outside git."""
    here = Path(__file__).parent
    try:
        commit = subprocess.run(
            ["git", "rev-parse", "HEAD"], cwd=here, capture_output=True, text=True, check=True
        ).stdout.strip()
        changes = subprocess.run(
            ["git", "status", "--porcelain"], cwd=here, capture_output=True, text=True, check=True
        ).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return commit + ("+changes" if changes else "")

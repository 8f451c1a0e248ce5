"""A run before its first network: checked, its folds written, everything open."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import pandas as pd
from rich.console import Console

from data_modules.cohort import Cohort
from data_modules.folds import Folds
from data_modules.folds_file import read_folds, write_folds
from data_modules.toy import build_toy
from experiments.baselines.inputs import pool_image
from experiments.cohort_record import write_cohort
from experiments.cohorts import TOY_ROOT, open_cohort
from experiments.config import RunConfig
from experiments.fast_bags import KeptBags, neighbours, resident_mode
from experiments.folds_audit import audit, draw_folds, print_audit, write_audit
from experiments.run_folder import write_start


@dataclass(frozen=True)
class RunContext:
    """A run folder and what its cells need.

    Attributes:
        config: Of the run.
        folder: The run folder.
        cohort: Its patients.
        folds: Its folds.
    """

    config: RunConfig
    folder: Path
    cohort: Cohort
    folds: Folds

    @property
    def fold_indices(self) -> list[int]:
        """Folds to run, in order."""
        return fold_indices(self.config, self.folds)

    @cached_property
    def pooled(self) -> pd.DataFrame:
        """Mean patch of every patient, read once a process."""
        return pool_image(self.cohort)


def fold_indices(config: RunConfig, folds: Folds) -> list[int]:
    """Folds to run, in order."""
    return sorted(config.only_folds) or list(range(folds.n_folds))


def start_run(
    config: RunConfig, folder: Path, cohort: Cohort, folds: Folds, console: Console
) -> RunContext:
    """Writes what a run starts with, and says what its folds are like.

    Raises:
        BadInput: A resumed run finds other data or folds.
    """
    write_start(config, folder, data_hash=cohort.data_hash, folds_hash=folds.hash)
    write_folds(folds, folder / "folds.csv")
    write_cohort(cohort, folder)
    audited = audit(folds, cohort)
    write_audit(audited, folder)
    print_audit(audited, config, cohort, console)
    console.print(f"run folder: {folder}")
    return RunContext(config, folder, cohort, folds)


def stored_or_drawn(config: RunConfig, folder: Path, cohort: Cohort) -> Folds:
    """The folds of a killed run, or new ones.

    Raises:
        BadInput: They cannot be drawn, or do not fit the cohort.
    """
    stored = folder / "folds.csv"
    if config.resume and stored.is_file():
        return read_folds(stored, cohort, config.protocol)
    return draw_folds(config, cohort)


def reopen(config: RunConfig, folder: Path, kept: KeptBags | None = None) -> RunContext:
    """A run that was started, as another process sees it; `kept`: bags that it keeps already."""
    # What the others keep in memory is no longer free: it need not be counted again.
    alone = replace(config, jobs=1, trainer=replace(config.trainer, devices=1))
    # The rest lies on the machine that this process is on, wherever that is.
    counted = replace(config, jobs=neighbours(config))
    asked = replace(alone if resident_mode(config) == "on" else counted, cluster="")
    cohort = open_cohort(asked, Console(quiet=True), kept)
    return RunContext(
        config, folder, cohort, read_folds(folder / "folds.csv", cohort, config.protocol)
    )


def for_other_processes(config: RunConfig) -> RunConfig:
    """The same run, whatever folder a process works in."""
    manifest = build_toy(config.toy, TOY_ROOT) if config.cohort == "toy" else Path(config.cohort)
    packs = config.data.packed_in and str(Path(config.data.packed_in).resolve())
    data = replace(config.data, packed_in=packs)
    return replace(config, cohort=str(manifest.resolve()), data=data, resume=False)

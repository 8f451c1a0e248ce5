"""Classical models of protocols side by side: fitted once, for they see the same patients."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from data_modules.files import copy_aside
from data_modules.folds import Folds
from experiments.context import RunContext

# baselines.json last: it says that the fold is done.
FILES = ("baselines.csv", "baselines.json")


def sources_of(contexts: Iterable[RunContext]) -> dict[Path, RunContext]:
    """For every run whose classical models an earlier one fits on the same patients, that one.

    A classical model stops on nothing, so it learns from everybody outside the fold under every
    protocol; see `experiments.baselines.inputs.outside`.

    Returns:
        By run folder.
    """
    fitting: list[RunContext] = []
    found: dict[Path, RunContext] = {}
    for context in (c for c in contexts if c.config.baselines):
        source = next((c for c in fitting if _same_models(c, context)), None)
        if source is None:
            fitting.append(context)
        else:
            found[context.folder] = source
    return found


def take_classical(source: RunContext, context: RunContext) -> None:
    """Copies what `source` has of every fold, unless it is there already."""
    for fold in context.fold_indices:
        home = context.folder / f"fold{fold}"
        if (home / FILES[-1]).is_file():
            continue
        home.mkdir(parents=True, exist_ok=True)
        for name in FILES:
            copy_aside(source.folder / f"fold{fold}" / name, home / name)


def _same_models(one: RunContext, other: RunContext) -> bool:
    alike = replace(
        one.config,
        protocol=other.config.protocol,
        out=other.config.out,
        resume=other.config.resume,
    )
    return alike == other.config and _held_out(one.folds) == _held_out(other.folds)


def _held_out(folds: Folds) -> list[list[str]]:
    return [folds.patients(fold, "test") for fold in range(folds.n_folds)]

"""Cross-validated scores of the inner splits: what a search may look at.

A search that chose by the outer folds would report the luckiest configuration on the very patients
it was chosen by. Here stand the numbers of the validation patients that stopped each network, at
the epoch that was kept. They are for choosing and not for reporting: the kept epoch is the best.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import torch
from lightning.pytorch.loggers import Logger

from data_modules.folds import Folds
from experiments.config import RunConfig
from mmsurv.losses.functional import cox_neg_log_likelihood

NO_INNER_SPLIT = (
    "protocol paper stops on the fold that it reports: there is no inner split to score"
)
NO_PAIR = "the validation patients of fold {} have no comparable pair"
CHANCE_C_INDEX = 0.5


class Inner(NamedTuple):
    """Scores of one inner split.

    Attributes:
        loss: Validation loss at the kept epoch.
        c_index: C-index of the validation patients at that epoch.
    """

    loss: float
    c_index: float


def kept_epoch(history: pd.DataFrame) -> Inner:
    """The row of history.csv whose weights were kept: the first of the lowest validation loss.

    Example:
        >>> kept_epoch(pd.DataFrame({"val/loss": [2.0, 1.0, 1.0], "val/c_index": [0.5, 0.6, 0.7]}))
        Inner(loss=1.0, c_index=0.6)
    """
    row = history.iloc[int(np.nanargmin(history["val/loss"].to_numpy(dtype=float)))]
    return Inner(float(row["val/loss"]), float(row["val/c_index"]))


def inner_of_fold(homes: list[Path]) -> Inner:
    """Scores of a fold's inner split, averaged over its networks, each in a folder."""
    members = [kept_epoch(pd.read_csv(home / "history.csv")) for home in homes]
    return Inner(
        sum(m.loss for m in members) / len(members), sum(m.c_index for m in members) / len(members)
    )


def chance(folds: Folds, fold: int, config: RunConfig) -> Inner:
    """What a model that tells no patient from another scores on the inner split of a fold.

    NaN for the discrete loss, whose zero depends on what was learnt from the training patients.
    """
    if config.loss != "cox":
        return Inner(float("nan"), CHANCE_C_INDEX)
    held = folds.table[folds.table[f"role{fold}"] == "val"]
    loss = cox_neg_log_likelihood(
        log_hazard=torch.zeros(len(held), dtype=torch.float64),
        event=torch.tensor(held["event"].to_numpy(dtype=bool)),
        time=torch.tensor(held["time_days"].to_numpy(dtype=float)),
        ties=config.ties,
    )
    return Inner(float(loss), CHANCE_C_INDEX)


def inner_scores(per_fold: dict[int, Inner], protocol: str) -> dict[str, Any]:
    """Mean, standard deviation and single values over folds, for metrics.json.

    Under protocol "paper" everything is NaN, with the reason.

    Example:
        >>> found = inner_scores({0: Inner(1.0, 0.6), 1: Inner(2.0, 0.7)}, "nested")
        >>> found["loss"]["mean"], found["loss"]["folds"][1]
        (1.5, {'fold': 1, 'value': 2.0, 'reason': ''})
        >>> inner_scores({0: Inner(1.0, 0.6)}, "paper")["c_index"]["mean"]
        nan
    """
    return {
        "loss": _summary({fold: inner.loss for fold, inner in per_fold.items()}, protocol),
        "c_index": _summary({fold: inner.c_index for fold, inner in per_fold.items()}, protocol),
    }


def flat_inner(inner: dict[str, Any]) -> dict[str, float]:
    """The inner scores under flat names, such as cv/inner_loss and cv/inner_loss_sd.

    Example:
        >>> flat = flat_inner(inner_scores({0: Inner(1.0, 0.6)}, "nested"))
        >>> flat["cv/inner_loss"], flat["cv/inner_c_index"]
        (1.0, 0.6)
    """
    return {
        f"cv/inner_{name}{end}": entry[kind]
        for name, entry in inner.items()
        for kind, end in (("mean", ""), ("sd", "_sd"))
    }


def inner_so_far(
    done: dict[int, Inner], pending: dict[int, Inner], protocol: str
) -> dict[str, float]:
    r"""The inner scores while folds are still to come, for stopping hopeless configurations early.

    .. math:: s_k = \frac{1}{K} \Big( \sum_{f \le k} s^{(f)} + \sum_{f > k} c^{(f)} \Big)

    A fold to come counts as chance. A mean over the finished folds alone would jump with how hard
    the next fold is, and W&B compares a run's best value so far: an easy first fold would shield
    every run. After the last fold this is the cross-validated mean.

    Args:
        done: Scores of the finished folds.
        pending: What chance scores on the others.
        protocol: Under "paper" there are no inner scores.

    Returns:
        folds_done, and inner_loss and inner_c_index where they are numbers.

    Example:
        >>> inner_so_far({0: Inner(1.0, 0.7)}, {1: Inner(3.0, 0.5)}, "nested")
        {'folds_done': 1.0, 'inner_loss': 2.0, 'inner_c_index': 0.6}
    """
    values = {"folds_done": float(len(done))}
    if protocol != "paper":
        folds = [*done.values(), *pending.values()]
        values["inner_loss"] = sum(f.loss for f in folds) / len(folds)
        values["inner_c_index"] = sum(f.c_index for f in folds) / len(folds)
    return {name: value for name, value in values.items() if value == value}


def log_so_far(logger: Logger, values: dict[str, float]) -> None:
    """Logs the running scores against the number of finished folds.

    Args:
        logger: Of `ExperimentLog.fold_logger("cv")`.
        values: Of `inner_so_far`.
    """
    # "epoch" is the axis of everything that a fold logs; here it counts folds.
    logger.log_metrics({**values, "epoch": values["folds_done"]})
    logger.save()


def _summary(values: dict[int, float], protocol: str) -> dict[str, Any]:
    if protocol == "paper":
        nan = float("nan")
        return {"mean": nan, "sd": nan, "reason": NO_INNER_SPLIT, "folds": []}
    rows = [
        {"fold": fold, "value": value, "reason": "" if value == value else NO_PAIR.format(fold)}
        for fold, value in values.items()
    ]
    column = pd.Series(list(values.values()), dtype=float)
    reasons = [str(row["reason"]) for row in rows if row["reason"]]
    if len(rows) == 1:
        reasons.append("one fold has no standard deviation")
    return {
        "mean": float(column.mean(skipna=False)),
        "sd": float(column.std(ddof=1, skipna=False)),
        "reason": "; ".join(reasons),
        "folds": rows,
    }

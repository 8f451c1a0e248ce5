"""The same run under both protocols: what choosing the epoch on the reported fold gains."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from experiments.reporting.comparisons import why_not
from experiments.reporting.measures import pairs_within_folds
from experiments.reporting.sources import Arm, Source
from experiments.reporting.uncertainty import share_held_out
from experiments.scores import first_repeat
from experiments.study_table import PAPER, Column, gaps

NESTED = "nested"
# What may differ between two runs of one configuration: the protocol, and how and where they ran.
ASIDE = frozenset({
    "protocol", "protocols", "arms", "out", "resume", "jobs", "cluster", "logger", "wandb",
    "mlflow", "baselines",
})  # fmt: skip


def gap_table(sources: Sequence[Source], folds: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """A row for each network under protocol paper that was also run under nested.

    Args:
        sources: Of `sources.load_sources`.
        folds: By arm, of `folds.fold_table`.

    Returns:
        As `schema.SCHEMA["protocols"]` says; empty where no run has its twin.
    """
    nested = {_setting(s): s.main for s in reversed(sources) if _is(s, NESTED)}
    rows = [
        _row(nested[key], source.main, folds)
        for source in sources
        if _is(source, PAPER) and (key := _setting(source)) in nested
    ]
    return pd.DataFrame(rows)


def _is(source: Source, protocol: str) -> bool:
    return bool(source.config) and source.main.protocol == protocol


def _setting(source: Source) -> str:
    """The configuration, less what may differ."""
    kept = {name: value for name, value in source.config.items() if name not in ASIDE}
    return json.dumps(kept, sort_keys=True, default=str)


def _row(nested: Arm, paper: Arm, folds: Mapping[str, pd.DataFrame]) -> dict[str, Any]:
    reason = why_not(nested, paper)
    columns = [_column(arm, folds[arm.name]) for arm in (nested, paper)]
    nan = float("nan")
    gap = dict.fromkeys(("mean", "lower", "upper", "p"), nan) if reason else gaps(columns)["run"]
    once = first_repeat(paper.rows)
    return {
        "nested": nested.name,
        "paper": paper.name,
        "c_index_nested": _mean(folds[nested.name]),
        "c_index_paper": _mean(folds[paper.name]),
        "gap": gap["mean"],
        "corrected_lower": gap["lower"],
        "corrected_upper": gap["upper"],
        "p": gap["p"],
        "folds": len(folds[paper.name]),
        "patients": len(once),
        "events": int(once["event"].sum()),
        "comparable_pairs": pairs_within_folds(once),
        "reason": reason or ("" if gap["mean"] == gap["mean"] else "a fold has no C-index"),
    }


def _column(arm: Arm, folds: pd.DataFrame) -> Column:
    """The fold's C-indices as metrics.json holds them."""
    by_fold = folds.set_index("fold")["c_index"]
    held = [{"fold": int(k), "c_index": {"value": float(c)}} for k, c in by_fold.items()]  # type: ignore[call-overload]  # labels of an index of integers
    scores = {"folds": held, "test_share": share_held_out(arm.rows)}
    return Column("run", arm.protocol, scores)


def _mean(folds: pd.DataFrame) -> float:
    return float(folds["c_index"].mean(skipna=False))

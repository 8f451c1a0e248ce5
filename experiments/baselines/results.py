"""The classical models of all folds: their predictions, their scores, their lines in the table."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from data_modules.folds import Folds
from experiments.baselines.fold import read_fold_baselines
from experiments.config import RunConfig
from experiments.run_folder import write_csv, write_json
from experiments.scores import cross_validated_scores, score_table


def collect_baselines(
    config: RunConfig, folds: Folds, fold_indices: list[int], folder: Path
) -> dict[str, Any]:
    """Writes baselines/<name>.csv, baselines.json and baselines.csv from the files of the folds.

    Returns:
        By name the scores of `cross_validated_scores`, and `choices`: by fold what was chosen in
        training.
    """
    parts, told = [], {}
    for fold in fold_indices:
        part, told[fold] = read_fold_baselines(folder / f"fold{fold}")
        if folds.repeats > 1:
            part.insert(3, "repeat", fold // (folds.n_folds // folds.repeats))
        parts.append(part)
    table = pd.concat(parts, ignore_index=True)
    found: dict[str, Any] = {}
    (folder / "baselines").mkdir(exist_ok=True)
    for label, every in table.groupby("baseline", sort=False):
        name = str(label)
        rows = every.drop(columns="baseline").reset_index(drop=True)
        write_csv(rows, folder / "baselines" / f"{name}.csv")
        reasons = {k: told[k][name]["reason"] for k in fold_indices if told[k][name]["reason"]}
        scores = scores_with_gaps(rows, folds.table, config, reasons)
        found[name] = scores | {"choices": {k: told[k][name]["choice"] for k in fold_indices}}
    write_json(folder / "baselines.json", found)
    tables = [score_table(s).assign(baseline=name) for name, s in found.items()]
    flat = pd.concat(tables, ignore_index=True)
    flat.insert(0, "baseline", flat.pop("baseline"))
    write_csv(flat, folder / "baselines.csv")
    return found


def scores_with_gaps(
    rows: pd.DataFrame, folds: pd.DataFrame, config: RunConfig, reasons: dict[int, str]
) -> dict[str, Any]:
    """Scores where a model may have no answer for some folds: NaN there, with the reason.

    Args:
        rows: As in predictions.csv; NaN where the fold has no answer.
        folds: folds.csv.
        config: Horizons and protocol.
        reasons: By fold without an answer, why.
    """
    # A column without any answer was read as numbers.
    group = rows["risk_group"].astype(object).fillna("low")
    stand_in = rows.drop(columns="risk_group").fillna(0.0).assign(risk_group=group)
    scores = cross_validated_scores(stand_in, folds, config.horizons, config.protocol)
    if not reasons:
        return scores
    for fold in scores["folds"]:
        if fold["fold"] in reasons:
            _blank(fold, reasons[fold["fold"]])
    whole = "; ".join(f"fold {fold}: {reason}" for fold, reason in reasons.items())
    for name in scores.keys() - {"folds"}:
        _blank(scores[name], whole)
    return scores


def _blank(tree: Any, reason: str) -> None:
    """Replaces every number that has a reason beside it."""
    if not isinstance(tree, dict):
        return
    if "reason" in tree:
        for key, value in tree.items():
            if isinstance(value, float):
                tree[key] = float("nan")
        tree["reason"] = reason
        return
    for branch in tree.values():
        _blank(branch, reason)


def baseline_summary(baselines: dict[str, Any]) -> dict[str, float]:
    """C-index of every classical model under a flat name, such as baselines/ridge_all/c_index."""
    return {
        f"baselines/{name}/c_index": scores["cv"]["c_index"]["mean"]
        for name, scores in baselines.items()
    }

"""All classical models of one fold."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from data_modules.cohort import Cohort
from data_modules.folds import Folds
from experiments.baselines import cox, elastic_net, forest, ridge
from experiments.baselines.inputs import FoldInputs, fold_inputs
from experiments.baselines.late_fusion import fuse
from experiments.baselines.model import Fit, NotFittedError, Predicted, Sample, one_thread
from experiments.baselines.names import ALL, LATE, Baseline, ModelName, baselines_for
from experiments.run_folder import write_csv, write_json
from experiments.scoring import prediction_rows

MODELS: dict[ModelName, Fit] = {
    "cox": cox.fit,
    "ridge": ridge.fit,
    "elastic_net": elastic_net.fit,
    "forest": forest.fit,
}
NEEDS = "needs scikit-survival: install the extra mmsurv[classical]"


def run_fold_baselines(
    cohort: Cohort,
    folds: Folds,
    fold: int,
    pooled: pd.DataFrame,
    home: Path,
    *,
    horizons: tuple[float, ...],
    seed: int,
) -> float:
    """Fits all of them on one fold and writes `home`/baselines.csv and baselines.json.

    The table has the columns of predictions.csv behind the column `baseline`; log hazard and
    survival are NaN where a model has no answer, and the reason stands in the JSON.

    Args:
        cohort: All patients.
        folds: Of the run.
        fold: Which.
        pooled: From `pool_image`.
        home: Folder of the fold.
        horizons: Years.
        seed: Of the inner folds and the forests.

    Returns:
        Seconds it took.
    """
    started = time.monotonic()
    inputs = fold_inputs(cohort, folds, fold, pooled)
    tables, told = [], {}
    with one_thread():
        answers = _answers(inputs, baselines_for(cohort.modalities), seed * 1_000_003 + fold)
    for name, answer in answers.items():
        reason = answer if isinstance(answer, str) else ""
        told[name] = {"reason": reason, "choice": {} if reason else answer.choice}  # type: ignore[union-attr]
        rows = _rows(inputs, answer, fold, horizons)
        rows.insert(0, "baseline", name)
        tables.append(rows)
    home.mkdir(parents=True, exist_ok=True)
    write_csv(pd.concat(tables), home / "baselines.csv")
    # Last: this file says that the fold is done.
    write_json(home / "baselines.json", told)
    return time.monotonic() - started


def read_fold_baselines(home: Path) -> tuple[pd.DataFrame, dict[str, Any]]:
    """What `run_fold_baselines` wrote."""
    told: dict[str, Any] = json.loads((home / "baselines.json").read_text(encoding="utf-8"))
    return pd.read_csv(home / "baselines.csv", dtype={"patient_id": str}), told


def _answers(
    inputs: FoldInputs, baselines: list[Baseline], seed: int
) -> dict[str, Predicted | str]:
    """A prediction, or why there is none, of every baseline; single modalities come first."""
    answers: dict[str, Predicted | str] = {}
    for baseline in baselines:
        try:
            if baseline.sees == LATE:
                answers[baseline.name] = _late_fusion(inputs, baseline.model, answers)
            else:
                answers[baseline.name] = _fit(inputs, baseline, seed)
        except NotFittedError as error:
            answers[baseline.name] = str(error)
        except ImportError:
            answers[baseline.name] = NEEDS
    return answers


def _fit(inputs: FoldInputs, baseline: Baseline, seed: int) -> Predicted:
    seen = list(inputs.training) if baseline.sees == ALL else [baseline.sees]
    sample = Sample(
        x=np.concatenate([inputs.training[m] for m in seen], axis=1),
        event=inputs.known["event"].to_numpy(dtype=bool),
        time=inputs.known["time_days"].to_numpy(dtype=float),
        seed=seed,
    )
    if not sample.event.any():
        raise NotFittedError("no event among the training patients")
    if not np.ptp(sample.x, axis=0).any():
        raise NotFittedError("no column varies among the training patients")
    predicted = MODELS[baseline.model](
        sample, np.concatenate([inputs.held_out[m] for m in seen], axis=1)
    )
    for values in (predicted.training, predicted.held_out):
        if not np.isfinite(values).all():
            raise NotFittedError("a log hazard is not finite")
    return predicted


def _late_fusion(
    inputs: FoldInputs, model: ModelName, answers: dict[str, Predicted | str]
) -> Predicted:
    parts = []
    for modality in inputs.training:
        answer = answers[Baseline(model, modality).name]
        if isinstance(answer, str):
            raise NotFittedError(f"{modality} alone: {answer}")
        parts.append(answer)
    return fuse(parts)


def _rows(
    inputs: FoldInputs, answer: Predicted | str, fold: int, horizons: tuple[float, ...]
) -> pd.DataFrame:
    known, scored = inputs.known, inputs.scored
    missing = isinstance(answer, str)
    rows, _ = prediction_rows(
        training=np.zeros(len(known)) if isinstance(answer, str) else answer.training,
        known=known,
        log_hazard=np.zeros(len(scored)) if isinstance(answer, str) else answer.held_out,
        held_out=scored,
        fold=fold,
        horizons=horizons,
    )
    if missing:
        rows.loc[:, rows.columns[rows.columns.get_loc("log_hazard") :]] = np.nan
    return rows

"""Noise in, 0.5 out; and what choosing the best epoch on the reported fold makes of noise."""

from __future__ import annotations

import json
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import pytest

from data_modules.toy import build_toy
from data_modules.toy_truth import ToyConfig

COHORTS = 16
# Weights that start at random and move fast: every epoch is another guess.
FLAGS = (
    "--modalities", "genes", "clinical", "--trainer.max_epochs", "12", "--trainer.patience", "12",
    "--optim.lr", "0.03", "--data.batch_size", "30", "--model.clinical_start", "random",
    "--model.head_start", "1", "--horizons", "5",
)  # fmt: skip


class Noise(NamedTuple):
    """C-indices of cohorts without signal, one a cohort."""

    nested: np.ndarray
    best_epoch_on_the_reported_fold: np.ndarray


@pytest.fixture(scope="module")
def noise(command, tmp_path_factory) -> Noise:
    nested, best = [], []
    root = tmp_path_factory.mktemp("noise")
    for seed in range(COHORTS):
        toy = ToyConfig(
            patients=60, seed=seed, signal=0.0, censoring=0.2, patches_min=1, patches_max=2
        )
        manifest = build_toy(toy, root)
        for protocol in ("nested", "paper"):
            folder = root / f"{protocol}{seed}"
            flags = (*FLAGS, "--protocol", protocol, "--seed", str(seed))
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr("experiments.cross_validation._draw", lambda *_: {})
                assert command(*flags, out=folder, cohort=manifest) == 0
        nested.append(_reported(root / f"nested{seed}"))
        best.append(_best_epoch(root / f"paper{seed}"))
    return Noise(np.array(nested), np.array(best))


def _reported(folder: Path) -> float:
    metrics = json.loads((folder / "metrics.json").read_text())
    return float(metrics["cv"]["c_index"]["mean"])


def _best_epoch(folder: Path) -> float:
    curves = [pd.read_csv(path)["val/c_index"] for path in folder.glob("fold*/history.csv")]
    return float(np.mean([curve.max() for curve in curves]))


def _standard_error(values: np.ndarray) -> float:
    return float(values.std(ddof=1) / np.sqrt(len(values)))


def test_noise_in_a_half_out(noise) -> None:
    error = _standard_error(noise.nested)
    assert error < 0.02  # otherwise the next line could not fail
    assert abs(noise.nested.mean() - 0.5) < 3 * error


def test_the_best_epoch_on_the_reported_fold_is_not_honest(noise) -> None:
    best = noise.best_epoch_on_the_reported_fold
    assert best.mean() - 0.5 > 3 * _standard_error(best)
    assert best.mean() > noise.nested.mean() + 0.02

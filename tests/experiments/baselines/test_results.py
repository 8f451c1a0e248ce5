from __future__ import annotations

import json
import math

import pandas as pd
import pytest

from experiments.baselines.names import baselines_for
from experiments.baselines.results import baseline_summary, scores_with_gaps
from experiments.config import RunConfig

NAMES = [b.name for b in baselines_for(("image", "genes", "clinical"))]


def test_each_model_leaves_predictions_of_the_columns_of_the_network(finished_classical) -> None:
    network = pd.read_csv(finished_classical / "predictions.csv", dtype={"patient_id": str})
    for name in NAMES:
        rows = pd.read_csv(
            finished_classical / "baselines" / f"{name}.csv", dtype={"patient_id": str}
        )
        assert rows.columns.tolist() == network.columns.tolist()
        same = ["patient_id", "fold", "time_days", "event"]
        assert rows[same].equals(network[same])


def test_scores_of_the_network_s_kind_for_each(finished_classical) -> None:
    network = json.loads((finished_classical / "metrics.json").read_text())
    found = json.loads((finished_classical / "baselines.json").read_text())
    assert list(found) == NAMES
    for scores in found.values():
        assert scores.keys() - {"choices"} == network.keys() - {"inner"}
        assert scores["protocol"] == "nested"
        assert set(scores["choices"]) == {"0", "1"}
    assert found["ridge_genes"]["choices"]["0"]["penalty"] > 0
    table = pd.read_csv(finished_classical / "baselines.csv")
    own = table[(table["baseline"] == "ridge_all") & (table["fold"] == "mean")]["c_index"].item()
    assert own == pytest.approx(found["ridge_all"]["cv"]["c_index"]["mean"])


def test_a_killed_run_fits_no_fold_twice(
    finished_classical, command, tmp_path, monkeypatch
) -> None:
    import shutil

    from experiments import cells
    from experiments.run import main

    folder = shutil.copytree(finished_classical, tmp_path / "run")
    whole = (folder / "baselines.csv").read_bytes()
    for name in ("metrics.json", "baselines.csv", "fold1/baselines.json"):
        (folder / name).unlink()
    fitted = []
    real = cells.run_fold_baselines

    def counted(*args: object, **options: object) -> float:
        fitted.append(args[2])
        return real(*args, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(cells, "run_fold_baselines", counted)
    assert main(["--resume", "--out", str(folder), "--logger", "csv"]) == 0
    assert fitted == [1]
    assert (folder / "baselines.csv").read_bytes() == whole


@pytest.fixture
def rows(finished_classical) -> pd.DataFrame:
    return pd.read_csv(
        finished_classical / "baselines" / "ridge_all.csv", dtype={"patient_id": str}
    )


def test_a_fold_without_an_answer_costs_its_own_numbers_and_the_means(
    rows, finished_classical
) -> None:
    folds = pd.read_csv(finished_classical / "folds.csv", dtype={"patient_id": str})
    config = RunConfig()
    whole = scores_with_gaps(rows, folds, config, {})
    gap = rows.copy()
    gap.loc[gap["fold"] == 1, ["log_hazard", *gap.filter(like="survival_").columns]] = math.nan
    gap.loc[gap["fold"] == 1, "risk_group"] = None
    scores = scores_with_gaps(gap, folds, config, {1: "no maximum"})
    assert scores["folds"][0] == whole["folds"][0]
    entry = scores["folds"][1]["c_index"]
    assert math.isnan(entry["value"])
    assert entry["reason"] == "no maximum"
    assert scores["folds"][1]["patients"] == whole["folds"][1]["patients"]
    assert math.isnan(scores["cv"]["c_index"]["mean"])
    assert "fold 1: no maximum" in scores["cv"]["c_index"]["reason"]
    assert math.isnan(scores["logrank_p"]["value"])


def test_the_logger_is_told_one_number_a_model() -> None:
    scores = {"cv": {"c_index": {"mean": 0.7, "sd": 0.1}}}
    assert baseline_summary({"ridge_all": scores}) == {"baselines/ridge_all/c_index": 0.7}

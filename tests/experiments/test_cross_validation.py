from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd

from experiments import cells
from experiments.cells import Cell
from experiments.checkpoints import read_checkpoint
from experiments.config import RunConfig
from experiments.cross_validation import curves_of
from experiments.run import main


def test_the_table_of_the_folds_is_their_rows_one_after_the_other(finished) -> None:
    whole = (finished / "predictions.csv").read_text().splitlines()
    parts = [(finished / f"fold{k}" / "predictions.csv").read_text().splitlines() for k in (0, 1)]
    assert whole == [*parts[0], *parts[1][1:]]


def test_metrics_csv_is_metrics_json_as_a_table(finished) -> None:
    scores = json.loads((finished / "metrics.json").read_text())
    table = pd.read_csv(finished / "metrics.csv", index_col="fold")
    assert table.index.tolist() == [
        "0", "1", "mean", "sd", "lower", "upper", "null_lower", "null_upper",
    ]  # fmt: skip
    for fold in scores["folds"]:
        row = table.loc[str(fold["fold"])]
        assert row["patients"] == fold["patients"]
        assert row["comparable_pairs"] == fold["comparable_pairs"]
        for name in scores["cv"]:
            # null in the one is an empty cell in the other.
            value = fold[name]["value"]
            assert (row[name] == value) if value is not None else np.isnan(row[name])
    for name, summary in scores["cv"].items():
        if summary["mean"] is not None:
            assert table.loc["mean", name] == summary["mean"]
            assert table.loc["sd", name] == summary["sd"]


def test_an_ensemble_keeps_every_member_and_fits_once(finished_paper) -> None:
    folder = finished_paper / "fold1"
    assert not (finished_paper / "fold0").exists()
    contents = [read_checkpoint(folder / f"member{m}" / "best.ckpt") for m in (0, 1)]
    assert ["baseline" in content for content in contents] == [True, False]
    seeds = {content["hyper_parameters"]["seed"] for content in contents}
    assert len(seeds) == 2
    predictions = pd.read_csv(finished_paper / "predictions.csv")
    assert set(predictions["fold"]) == {1}


def test_folds_that_are_done_are_not_trained_again(finished, tmp_path, monkeypatch) -> None:
    folder = shutil.copytree(finished, tmp_path / "run")
    for name in ("predictions.csv", "metrics.json", "fold1/predictions.csv", "fold1/history.csv"):
        (folder / name).unlink()
    trained = []
    train_member = cells.train_member

    def seen(config: RunConfig, data, home: Path, **rest: object):  # noqa: ANN202
        trained.append(home.name)
        return train_member(config, data, home, **rest)

    monkeypatch.setattr(cells, "train_member", seen)
    assert main(["--resume", "--out", str(folder), "--logger", "csv"]) == 0
    assert trained == ["fold1"]
    for name in ("predictions.csv", "metrics.json"):
        assert (folder / name).read_bytes() == (finished / name).read_bytes()


def test_identifiers_stay_text(run, toy_manifest, tmp_path) -> None:
    """007 is not 7, and NA is a name."""
    home = tmp_path / "cohort"
    shutil.copytree(toy_manifest.parent, home)
    for name in ("clinical.csv", "slides.csv", "expression.tsv"):
        text = (home / name).read_text().replace("TOY-", "")
        (home / name).write_text(text)
    flags = ("--modalities", "genes", "clinical", "--trainer.max_epochs", "1")
    assert run(*flags, cohort=home / "cohort.yaml") == 0
    table = pd.read_csv(tmp_path / "run" / "predictions.csv", dtype=str)
    assert sorted(table["patient_id"]) == [f"{i:04d}" for i in range(60)]
    before = (tmp_path / "run" / "predictions.csv").read_bytes()
    assert main(["--resume", "--out", "run"]) == 0
    assert (tmp_path / "run" / "predictions.csv").read_bytes() == before


def test_the_curve_of_a_network_belongs_to_the_cell_that_trained_it(tmp_path) -> None:
    one, several = RunConfig(), RunConfig(ensemble=2)
    cell = Cell(one, tmp_path, 3, "fold")
    assert curves_of(cell) == ["fold3"]
    assert curves_of(Cell(several, tmp_path, 3, "fold")) == []
    assert curves_of(Cell(one, tmp_path, 3, "classical")) == []
    assert curves_of(Cell(several, tmp_path, 3, "member", 1)) == ["fold3/member1"]

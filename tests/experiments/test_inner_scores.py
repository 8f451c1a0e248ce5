from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from experiments.config import RunConfig
from experiments.inner_scores import (
    NO_INNER_SPLIT,
    Inner,
    chance,
    inner_of_fold,
    inner_scores,
    inner_so_far,
    kept_epoch,
)
from experiments.run import main


def test_inner_scores_are_those_of_the_epoch_that_was_kept(finished) -> None:
    metrics = json.loads((finished / "metrics.json").read_text())
    kept = [kept_epoch(pd.read_csv(finished / f"fold{k}" / "history.csv")) for k in (0, 1)]
    for place, name in enumerate(("loss", "c_index")):
        entry = metrics["inner"][name]
        values = [inner[place] for inner in kept]
        assert [fold["value"] for fold in entry["folds"]] == pytest.approx(values)
        assert entry["mean"] == pytest.approx(np.mean(values))
        assert entry["sd"] == pytest.approx(np.std(values, ddof=1))


def test_the_outer_folds_are_not_looked_at(run, tmp_path) -> None:
    """The inner C-index is that of other patients than those whose C-index is reported."""
    assert run() == 0
    metrics = json.loads((tmp_path / "run" / "metrics.json").read_text())
    outer = [fold["c_index"]["value"] for fold in metrics["folds"]]
    inner = [fold["value"] for fold in metrics["inner"]["c_index"]["folds"]]
    assert not np.isclose(outer, inner).any()


def test_the_protocol_paper_has_no_inner_score_and_says_why(finished_paper) -> None:
    metrics = json.loads((finished_paper / "metrics.json").read_text())
    for name in ("loss", "c_index"):
        assert metrics["inner"][name]["mean"] is None
        assert metrics["inner"][name]["reason"] == NO_INNER_SPLIT


def test_networks_of_an_ensemble_are_averaged(tmp_path) -> None:
    homes = []
    for member, (loss, c_index) in enumerate([(1.0, 0.6), (3.0, 0.8)]):
        homes.append(tmp_path / str(member))
        homes[-1].mkdir()
        rows = {"val/loss": [9.0, loss], "val/c_index": [0.1, c_index]}
        pd.DataFrame(rows).to_csv(homes[-1] / "history.csv")
    assert inner_of_fold(homes) == pytest.approx((2.0, 0.7))


def test_a_fold_without_a_comparable_pair_leaves_a_reason() -> None:
    scores = inner_scores({0: Inner(1.0, 0.6), 3: Inner(1.0, float("nan"))}, "nested")
    assert np.isnan(scores["c_index"]["mean"])
    assert "fold 3" in scores["c_index"]["reason"]
    assert scores["loss"]["mean"] == 1.0


def test_chance_is_the_loss_of_a_model_that_tells_nobody_apart(cohort) -> None:
    from data_modules.folds import make_folds

    folds = make_folds(cohort, n_folds=2, protocol="nested", seed=0)
    held = folds.table[folds.table["role1"] == "val"]
    at_risk = [
        (held["time_days"] >= time).sum() for time in held.loc[held["event"] == 1, "time_days"]
    ]
    assert chance(folds, 1, RunConfig(ties="breslow")).loss == pytest.approx(np.log(at_risk).mean())
    assert np.isnan(chance(folds, 1, RunConfig(loss="discrete")).loss)


def test_the_running_score_ends_at_the_cross_validated_one_and_never_jumps_with_a_hard_fold() -> (
    None
):
    folds = {0: Inner(1.0, 0.9), 1: Inner(5.0, 0.8), 2: Inner(3.0, 0.7)}
    by_chance = {0: Inner(1.5, 0.5), 1: Inner(6.0, 0.5), 2: Inner(3.5, 0.5)}
    course = []
    for k in (1, 2, 3):
        done = {f: folds[f] for f in range(k)}
        course.append(inner_so_far(done, {f: by_chance[f] for f in range(k, 3)}, "nested"))
    assert [c["folds_done"] for c in course] == [1, 2, 3]
    losses = [c["inner_loss"] for c in course]
    assert losses == sorted(losses, reverse=True)
    assert losses[-1] == pytest.approx(3.0)
    assert course[-1]["inner_c_index"] == pytest.approx(0.8)
    assert inner_so_far(folds, {}, "paper") == {"folds_done": 3.0}


def test_running_scores_are_logged_fold_by_fold(run, tmp_path) -> None:
    heard: list[dict[str, float]] = []
    assert run() == 0
    table = pd.read_csv(tmp_path / "run" / "csv" / "cv" / "metrics.csv")
    metrics = json.loads((tmp_path / "run" / "metrics.json").read_text())
    assert table["folds_done"].tolist() == [1, 2]
    last = table.iloc[-1]
    assert last["inner_loss"] == pytest.approx(metrics["inner"]["loss"]["mean"])
    assert last["inner_c_index"] == pytest.approx(metrics["inner"]["c_index"]["mean"])
    flags = ["--resume", "--out", "run", "--logger", "csv"]
    assert main(flags, after_fold=lambda values, left: heard.append({**values, "left": left})) == 0
    assert [values["folds_done"] for values in heard] == [1, 2]
    assert [values["left"] for values in heard] == [1, 0]
    assert heard[-1]["inner_loss"] == pytest.approx(last["inner_loss"])


def test_a_run_that_is_stopped_after_a_fold_can_be_resumed(run, tmp_path, finished) -> None:
    class Enough(BaseException):
        pass

    def stop(values: dict[str, float], left: int) -> None:
        raise Enough

    with pytest.raises(Enough):
        main(["--config", str(finished / "config.yaml"), "--out", "run"], after_fold=stop)
    assert not (tmp_path / "run" / "fold1").exists()
    assert main(["--resume", "--out", "run"]) == 0
    again = (tmp_path / "run" / "metrics.json").read_bytes()
    assert again == (finished / "metrics.json").read_bytes()

from __future__ import annotations

import json
import math
import time

import numpy as np
import pandas as pd
import pytest

from experiments.fold_scores import fold_scores, survival_years_of
from experiments.run_folder import write_json
from experiments.scores import (
    _null,
    cross_validated_scores,
    flat_summary,
    pooled_scores,
    score_table,
)
from experiments.scoring import survival_column, survival_years
from mmsurv.metrics.functional import (
    Scored,
    auc_at,
    concordance,
    corrected_resampled,
    hazard_ratio,
    integrated_brier,
    null_band,
    restricted_mean_difference,
)
from mmsurv.survival import DAYS_PER_YEAR

HORIZONS = (2.0, 4.0)


def _tables(seed: int = 0, n: int = 90, folds: int = 3) -> tuple[pd.DataFrame, pd.DataFrame]:
    """predictions.csv and folds.csv of a made-up run."""
    random = np.random.default_rng(seed)
    log_hazard = random.normal(size=n)
    time = np.ceil(1500 * random.exponential(size=n) / np.exp(log_hazard)).clip(1, 3000)
    table = pd.DataFrame(
        {
            "patient_id": [f"P{i}" for i in range(n)],
            "fold": np.arange(n) % folds,
            "time_days": time,
            "event": (random.random(n) < 0.6).astype(int),
        }
    )
    years = survival_years(HORIZONS)
    hazard = np.exp(log_hazard)[:, None] * np.array(years)[None] * 0.2
    curves = pd.DataFrame(np.exp(-hazard), columns=[survival_column(y) for y in years])
    predictions = pd.concat([table.assign(log_hazard=log_hazard), curves], axis=1)
    predictions["risk_group"] = np.where(log_hazard > 0, "high", "low")
    return predictions, table


def _scores(predictions: pd.DataFrame, folds: pd.DataFrame) -> dict:
    return cross_validated_scores(predictions, folds, HORIZONS, "nested")


@pytest.mark.parametrize("name", ["finished", "finished_paper"])
def test_metrics_json_follows_from_the_two_tables_alone(name, request, tmp_path) -> None:
    folder = request.getfixturevalue(name)
    stored = json.loads((folder / "metrics.json").read_text())
    # The inner splits are scored by the curves; see inner_scores.
    assert stored.pop("inner").keys() == {"loss", "c_index"}
    predictions = pd.read_csv(folder / "predictions.csv", dtype={"patient_id": str})
    folds = pd.read_csv(folder / "folds.csv", dtype={"patient_id": str})
    protocol = "paper" if name == "finished_paper" else "nested"
    scores = cross_validated_scores(predictions, folds, (5.0, 10.0), protocol)
    write_json(tmp_path / "metrics.json", scores)
    assert json.loads((tmp_path / "metrics.json").read_text()) == stored


def test_each_fold_is_scored_by_the_pure_functions() -> None:
    predictions, folds = _tables()
    scores = _scores(predictions, folds)
    years = np.array(survival_years(HORIZONS))
    for fold, entry in enumerate(scores["folds"]):
        held, known = predictions[predictions["fold"] == fold], folds[folds["fold"] != fold]
        of = {"event": held["event"].to_numpy(bool), "time": held["time_days"].to_numpy(float)}
        log_hazard = held["log_hazard"].to_numpy()
        weights = {
            "train_event": known["event"].to_numpy(bool),
            "train_time": known["time_days"].to_numpy(float),
        }
        assert entry["c_index"]["value"] == concordance(log_hazard=log_hazard, **of).value
        auc = auc_at(log_hazard=log_hazard, **of, **weights, at_days=2 * DAYS_PER_YEAR)
        assert entry["auc_2y"]["value"] == auc.value
        ibs = integrated_brier(
            survival=held[[survival_column(y) for y in years]].to_numpy(),
            **of,
            **weights,
            at_days=years * DAYS_PER_YEAR,
            until_days=4 * DAYS_PER_YEAR,
        )
        assert entry["ibs_4y"]["value"] == ibs.value
        assert (entry["patients"], entry["events"]) == (30, held["event"].sum())


def test_mean_and_spread_are_those_of_the_folds() -> None:
    scores = _scores(*_tables())
    for name in ("c_index", "ibs_2y", "auc_4y"):
        values = [fold[name]["value"] for fold in scores["folds"]]
        assert scores["cv"][name]["mean"] == pytest.approx(np.mean(values))
        assert scores["cv"][name]["sd"] == pytest.approx(np.std(values, ddof=1))
        known = corrected_resampled(np.array(values), test_share=30 / 60)
        assert scores["cv"][name]["lower"] == pytest.approx(known.lower)
        assert scores["cv"][name]["upper"] == pytest.approx(known.upper)
    flat = flat_summary(scores)
    assert flat["cv/c_index_lower"] == scores["cv"]["c_index"]["lower"]
    assert flat["cv/c_index"] == scores["cv"]["c_index"]["mean"]
    assert flat["cv/ibs_2y_sd"] == scores["cv"]["ibs_2y"]["sd"]
    assert flat["fold1/test/auc_4y"] == scores["folds"][1]["auc_4y"]["value"]
    assert (flat["cv/patients"], flat["cv/events"]) == (90, scores["events"])
    assert flat["cv/logrank_p"] == scores["logrank_p"]["value"]


def test_the_band_of_chance_stands_beside_the_mean_c_index() -> None:
    predictions, folds = _tables()
    scores = _scores(predictions, folds)
    found = scores["cv"]["c_index"]
    parts = [
        Scored(
            rows["log_hazard"].to_numpy(), rows["event"].to_numpy(bool),
            rows["time_days"].to_numpy(),
        )
        for _, rows in predictions.groupby("fold")
    ]  # fmt: skip
    dealt = null_band(parts, test_share=30 / 60, permutations=5000)
    assert found["null_lower"] == pytest.approx(dealt.lower, abs=0.01)
    assert found["null_upper"] == pytest.approx(dealt.upper, abs=0.01)
    assert _scores(predictions, folds) == scores
    flat = flat_summary(scores)
    assert flat["cv/c_index_null_upper"] == found["null_upper"]
    assert "cv/ibs_2y_null_upper" not in flat
    table = score_table(scores).set_index("fold")
    assert table.loc["null_lower", "c_index"] == found["null_lower"]
    assert table.loc["upper", "ibs_2y"] == scores["cv"]["ibs_2y"]["upper"]
    assert math.isnan(table.loc["null_lower", "ibs_2y"])
    assert scores["comparable_pairs"] == sum(f["comparable_pairs"] for f in scores["folds"])
    assert scores["test_share"] == 0.5


def test_the_band_of_chance_costs_next_to_nothing() -> None:
    predictions, _ = _tables(n=1000, folds=5)
    many = pd.concat(
        [predictions.assign(fold=predictions["fold"] + 5 * r) for r in range(5)], ignore_index=True
    )
    begun = time.perf_counter()
    assert _null(many, 0.25)["null_lower"] < 0.5
    assert time.perf_counter() - begun < 1.0  # 0.05 s where nothing else runs


def test_log_hazards_of_different_folds_are_never_compared() -> None:
    predictions, folds = _tables()
    moved = predictions.assign(log_hazard=predictions["log_hazard"] + 100.0 * predictions["fold"])
    before, after = _scores(predictions, folds), _scores(moved, folds)
    assert after["cv"]["c_index"] == pytest.approx(before["cv"]["c_index"])
    assert after["cv"]["auc_2y"]["mean"] == pytest.approx(before["cv"]["auc_2y"]["mean"])


def test_censoring_weights_come_from_outside_the_fold() -> None:
    predictions, folds = _tables()
    held = predictions[predictions["fold"] == 0]
    outside = folds[folds["fold"] != 0]
    expected = fold_scores(held, outside, HORIZONS)
    assert _scores(predictions, folds)["folds"][0] == expected
    # The held-out patients' own rows of folds.csv are not looked at.
    garbled = folds.copy()
    garbled.loc[garbled["fold"] == 0, ["time_days", "event"]] = [1.0, 0]
    assert _scores(predictions, garbled)["folds"][0] == expected
    # Those of the others are: without a censored patient outside, all weights are 1.
    all_died = fold_scores(held, outside.assign(event=1), HORIZONS)
    assert all_died["c_index"] == expected["c_index"]
    for name in ("auc_2y", "ibs_4y"):
        assert abs(all_died[name]["value"] - expected[name]["value"]) > 1e-6, name


def test_one_fold_without_a_value_leaves_no_mean_and_says_why() -> None:
    predictions, folds = _tables()
    predictions.loc[predictions["fold"] == 1, "event"] = 0
    scores = _scores(predictions, folds)
    entry = scores["folds"][1]
    assert math.isnan(entry["c_index"]["value"])
    assert entry["c_index"]["reason"]
    assert entry["comparable_pairs"] == 0
    assert not math.isnan(scores["folds"][0]["c_index"]["value"])
    assert math.isnan(scores["cv"]["c_index"]["mean"])
    assert math.isnan(scores["cv"]["c_index"]["sd"])
    assert scores["cv"]["c_index"]["reason"] == entry["c_index"]["reason"]
    assert math.isnan(flat_summary(scores)["cv/c_index"])


def test_one_risk_group_has_no_log_rank_p_and_one_fold_no_spread() -> None:
    predictions, folds = _tables()
    scores = _scores(predictions[predictions["fold"] == 0].assign(risk_group="low"), folds)
    assert math.isnan(scores["logrank_p"]["value"])
    assert scores["logrank_p"]["reason"]
    assert math.isnan(scores["cv"]["c_index"]["sd"])
    assert not math.isnan(scores["cv"]["c_index"]["mean"])
    assert scores["cv"]["c_index"]["reason"] == "one fold has no standard deviation"


def test_a_horizon_need_not_be_a_round_number() -> None:
    years = survival_years((1 / 3, 2.0))
    names = [survival_column(year) for year in years]
    assert len(set(names)) == len(names)
    assert survival_years_of(pd.DataFrame(columns=names)) == pytest.approx(years, rel=1e-5)


def test_what_may_be_pooled_is_scored_by_the_pure_functions() -> None:
    predictions, folds = _tables()
    pooled = _scores(predictions, folds)["pooled"]
    of = {"event": predictions["event"].to_numpy(bool), "time": predictions["time_days"].to_numpy()}
    high = (predictions["risk_group"] == "high").to_numpy()
    assert pooled["hazard_ratio"]["value"] == hazard_ratio(**of, group=high).value
    difference = restricted_mean_difference(**of, group=high, until=4 * DAYS_PER_YEAR)
    found = pooled["rmst_difference_4y"]
    assert (found["value"], found["lower"], found["p"]) == (
        difference.value, difference.lower, difference.p,
    )  # fmt: skip
    assert found["value"] > 0  # low risk lives longer
    assert sum(pooled["d_calibration"]["counts"]) == pytest.approx(90)
    assert pooled["d_calibration"]["until_years"] == 4.0
    folds_scores = _scores(predictions, folds)["folds"]
    weights = [fold["comparable_pairs"] for fold in folds_scores]
    c = np.average([fold["c_index"]["value"] for fold in folds_scores], weights=weights)
    assert pooled["c_index"]["value"] == pytest.approx(c)
    assert flat_summary(_scores(predictions, folds))["pooled/c_index"] == pytest.approx(c)


def test_predicted_probabilities_that_are_wrong_are_found_out() -> None:
    predictions, _ = _tables(n=400)
    curves = [name for name in predictions if name.startswith("survival_")]
    rate = 0.36525 * 1000 / 1500  # of the cohort, a year, at log hazard 0
    years = np.array(survival_years_of(predictions))
    hazard = np.exp(predictions["log_hazard"].to_numpy())[:, None] * years * rate
    p = {}
    for factor in (1.0, 3.0):
        predictions[curves] = np.exp(-hazard * factor)
        p[factor] = pooled_scores(predictions, HORIZONS)["d_calibration"]["value"]
    assert p[3.0] < 1e-6 < p[1.0]


def test_one_group_has_no_pooled_comparison_and_says_why() -> None:
    predictions, folds = _tables()
    pooled = _scores(predictions.assign(risk_group="low"), folds)["pooled"]
    for name in ("hazard_ratio", "rmst_difference_2y"):
        assert math.isnan(pooled[name]["value"])
        assert pooled[name]["reason"]

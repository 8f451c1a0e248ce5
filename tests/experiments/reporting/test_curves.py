from __future__ import annotations

import numpy as np

from experiments.reporting.curves import score_curves, training_of
from mmsurv.metrics.functional import auc_at, brier_curve


def test_the_curves_are_means_over_folds_of_the_metrics(predictions, arm_of) -> None:
    arm = arm_of(predictions)
    curves = score_curves(arm)
    own, auc = [], []
    for _, rows in predictions.groupby("fold"):
        known = training_of(arm, rows)
        follow_up = {
            "event": rows["event"].to_numpy(bool),
            "time": rows["time_days"].to_numpy(float),
            "train_event": known["event"].to_numpy(bool),
            "train_time": known["time_days"].to_numpy(float),
        }
        days = np.array([3 * 365.25])
        survival = rows[["survival_3y"]].to_numpy()
        own.append(brier_curve(survival=survival, at_days=days, **follow_up)[0])
        risk = rows["log_hazard"].to_numpy()
        auc.append(auc_at(log_hazard=risk, at_days=float(days[0]), **follow_up).value)
    at_three = curves[curves["years"] == 3].set_index("metric")
    assert np.isclose(at_three.loc["brier", "mean"], np.mean(own))
    assert np.isclose(at_three.loc["brier", "sd"], np.std(own, ddof=1))
    assert np.isclose(at_three.loc["auc", "mean"], np.mean(auc))
    early = predictions["event"] & (predictions["time_days"] <= 3 * 365.25)
    assert at_three["events"].unique().tolist() == [early.sum()]


def test_the_true_model_beats_kaplan_meier(predictions, arm_of) -> None:
    means = score_curves(arm_of(predictions)).groupby("metric")["mean"].mean()
    assert means["brier"] < means["brier_reference"]


def test_no_time_is_scored_that_a_fold_cannot_be_scored_at(predictions, arm_of) -> None:
    short = (predictions["fold"] == 1) & (predictions["time_days"] > 1500)
    cut = predictions.assign(
        time_days=predictions["time_days"].mask(short, 1500), event=predictions["event"] & ~short
    )
    curves = score_curves(arm_of(cut))
    assert curves["years"].max() < 1500 / 365.25
    assert curves["folds"].unique().tolist() == [3]


def test_without_predicted_survival_there_is_no_curve(predictions, arm_of) -> None:
    assert score_curves(arm_of(predictions.iloc[:, :5])).empty


def test_patients_of_another_hospital_give_their_own_censoring(predictions, arm_of) -> None:
    arm = arm_of(predictions.assign(fold=0))
    assert len(training_of(arm, arm.rows)) == len(predictions)

from __future__ import annotations

import numpy as np
import pandas as pd

from experiments.reporting.groups import at, curve_of, mean_curves, pooled_curves


def test_every_patient_counts_once_in_the_pooled_curves(predictions) -> None:
    repeated = pd.concat(
        [predictions.assign(repeat=0), predictions.assign(repeat=1, fold=predictions["fold"] + 3)]
    )
    curves = pooled_curves(repeated)
    pd.testing.assert_frame_equal(curves, pooled_curves(predictions))
    start = curves[curves["years"] == 0].set_index("group")["at_risk"]
    assert start.to_dict() == predictions["risk_group"].value_counts().to_dict()


def test_the_mean_curve_is_the_mean_of_the_curves_of_the_folds(predictions) -> None:
    curves, reason = mean_curves(predictions)
    assert reason == ""
    high = curves[curves["group"] == "high"].reset_index()
    days = np.array([float(high["years"][20]) * 365.25])
    values = [
        float(curve.survival[at(curve, days)[0]])
        for _, part in predictions[predictions["risk_group"] == "high"].groupby("fold")
        for curve in [curve_of(part)]
    ]
    assert np.isclose(high["mean"][20], np.mean(values))
    # Student's t of two degrees of freedom.
    half = 4.302653 * np.std(values, ddof=1) / np.sqrt(3)
    assert np.isclose(high["upper"][20], min(np.mean(values) + half, 1.0))
    assert high["folds"].unique().tolist() == [3]


def test_the_mean_curve_ends_where_the_shortest_fold_does(predictions) -> None:
    short = (predictions["fold"] == 1) & (predictions["time_days"] > 1000)
    curves, _ = mean_curves(predictions.assign(
        time_days=predictions["time_days"].mask(short, 1000),
        event=predictions["event"] & ~short,
    ))  # fmt: skip
    assert curves["years"].max() < 1000 / 365.25


def test_a_fold_without_a_group_has_no_mean(predictions) -> None:
    lacking = predictions.assign(
        risk_group=predictions["risk_group"].mask(predictions["fold"] == 1, "low")
    )
    assert mean_curves(lacking)[1] == "a fold has no high risk"
    assert mean_curves(predictions[predictions["fold"] == 0])[1] == "one fold has no mean"

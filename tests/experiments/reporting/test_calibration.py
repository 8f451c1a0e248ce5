from __future__ import annotations

import numpy as np
import pytest

from experiments.reporting.calibration import calibration_table


def test_groups_hold_everybody_and_true_risks_are_on_the_diagonal(simulate) -> None:
    predictions = simulate(600).astype({"event": bool})
    table = calibration_table(predictions, (5.0,))
    assert table["patients"].sum() == len(predictions)
    early = predictions["event"] & (predictions["time_days"] <= 5 * 365.25)
    assert table["events"].sum() == early.sum()
    assert table["predicted"].is_monotonic_increasing
    assert table["group"].tolist() == list(range(1, len(table) + 1))
    assert (np.abs(table["predicted"] - table["observed"]) < 0.12).all()


@pytest.mark.parametrize(("events", "groups"), [(4, 2), (25, 2), (35, 3), (90, 5)])
def test_there_are_so_many_groups_that_each_has_ten_events(predictions, events, groups) -> None:
    event = np.arange(len(predictions)) < events
    table = calibration_table(predictions.assign(event=event, time_days=100.0), (5.0,))
    assert len(table) == groups


def test_a_horizon_that_nobody_reaches_has_no_observed_risk(predictions) -> None:
    short = predictions.assign(time_days=predictions["time_days"].clip(upper=700), event=False)
    table = calibration_table(short, (5.0,))
    assert table["observed"].isna().all()
    assert set(table["reason"]) == {"nobody of the group is followed for 5 years"}


def test_a_horizon_that_is_not_predicted_is_left_out(predictions) -> None:
    assert calibration_table(predictions, (4.9,)).empty
    assert calibration_table(predictions, (4.9, 5.0))["horizon_years"].unique().tolist() == [5.0]

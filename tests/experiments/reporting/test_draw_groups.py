from __future__ import annotations

import numpy as np

from experiments.reporting.draw_groups import groups_figure, mean_groups_figure
from experiments.reporting.groups import mean_curves, pooled_curves
from experiments.reporting.style import COLOUR


def test_curves_bands_and_patients_at_risk_are_the_table(predictions) -> None:
    curves = pooled_curves(predictions)
    axes, counts = groups_figure(predictions, curves, 0.00001, 0.034).axes
    for line, group in zip(axes.lines, ("low", "high"), strict=True):
        own = curves[curves["group"] == group]
        np.testing.assert_array_equal(line.get_ydata(), own["survival"])
        rows = predictions[predictions["risk_group"] == group]
        label = f"{group} risk: {len(rows)} patients, {rows['event'].sum()} events"
        assert line.get_label() == label
        assert line.get_color() == COLOUR[group]
        shown = [int(t.get_text()) for t in counts.texts if t.get_color() == COLOUR[group]]
        ticks = counts.get_xticks()
        assert shown == [(rows["time_days"] >= y * 365.25).sum() for y in ticks]
    # Told apart without colour, too.
    assert axes.lines[0].get_linestyle() != axes.lines[1].get_linestyle()
    assert len(axes.collections) == 2


def test_both_p_values_are_shown_and_the_plain_one_is_named_invalid(predictions) -> None:
    figure = groups_figure(predictions, pooled_curves(predictions), 0.00001, 0.034)
    (text,) = (t.get_text() for t in figure.axes[0].texts)
    assert text.splitlines() == [
        "permutation p = 0.034", "plain log-rank p < 0.001, not valid here",
    ]  # fmt: skip


def test_the_mean_curves_are_the_table(predictions) -> None:
    curves, _ = mean_curves(predictions)
    (axes,) = mean_groups_figure(curves).axes
    assert axes.get_legend().get_title().get_text() == "mean of 3 folds"
    for line, group in zip(axes.lines, ("low", "high"), strict=True):
        own = curves[curves["group"] == group]
        np.testing.assert_array_equal(line.get_ydata(), own["mean"])

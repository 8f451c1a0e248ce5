from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.patches import Rectangle

from experiments.reporting.calibration import calibration_table
from experiments.reporting.curves import score_curves
from experiments.reporting.draw_scores import arms_figure, calibration_figure, curves_figure


def test_curves_are_drawn_beside_what_needs_no_model(predictions, arm_of) -> None:
    curves = score_curves(arm_of(predictions))
    brier, auc = curves_figure(curves).axes
    reference, model = brier.lines
    for line, metric in ((reference, "brier_reference"), (model, "brier"), (auc.lines[0], "auc")):
        own = curves[curves["metric"] == metric]
        np.testing.assert_array_equal(line.get_ydata(), own["mean"])
    assert auc.lines[1].get_ydata()[0] == 0.5
    assert brier.get_ylim()[0] == 0


def test_calibration_is_drawn_around_its_diagonal(predictions) -> None:
    table = calibration_table(predictions, (5.0, 10.0))
    (axes,) = calibration_figure(table).axes
    diagonal, *_ = axes.lines
    assert list(diagonal.get_xdata()) == list(diagonal.get_ydata())
    labels = [text.get_text() for text in axes.get_legend().get_texts()]
    assert labels == ["predicted = observed", "5 years", "10 years"]
    assert axes.get_xlim() == axes.get_ylim() == (0, 1)


def test_a_group_that_was_not_followed_is_not_drawn(predictions) -> None:
    table = calibration_table(predictions, (5.0,))
    table.loc[0, ["observed", "lower", "upper"]] = np.nan
    (axes,) = calibration_figure(table).axes
    assert len(axes.containers[0].lines[0].get_xdata()) == len(table) - 1


def test_every_model_stands_over_its_band_of_chance() -> None:
    arms = pd.DataFrame(
        {
            "arm": ["net", "cox", "theirs"],
            "kind": ["network", "classical", "foreign"],
            "c_index": [0.7, 0.6, 0.5],
            "c_index_lower": [0.6, 0.5, np.nan],
            "c_index_upper": [0.8, 0.7, np.nan],
            "null_lower": [0.4, 0.4, np.nan],
            "null_upper": [0.6, 0.6, np.nan],
        }
    )
    (axes,) = arms_figure(arms).axes
    assert [tick.get_text() for tick in axes.get_yticklabels()] == ["net", "cox", "theirs"]
    bands = [patch for patch in axes.patches if isinstance(patch, Rectangle)]
    assert len(bands) == 2
    points = [line for line in axes.lines if line.get_marker() not in {"None", ""}]
    assert [line.get_xdata()[0] for line in points] == [0.7, 0.6, 0.5]
    assert len({line.get_marker() for line in points}) == 3
    # The first is at the top.
    assert axes.get_ylim()[0] > axes.get_ylim()[1]

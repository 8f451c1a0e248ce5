from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from experiments.sweeping.figures import (
    importance,
    importance_figure,
    parallel_coordinates,
    svg,
)
from experiments.sweeping.study import claim, open_study
from experiments.sweeping.sweep_file import read_sweep

WIDE = {
    "optim.lr": {"distribution": "log_uniform_values", "min": 1.0e-4, "max": 1.0e-2},
    "pooling": {"values": ["mean", "abmil"]},
    "model.dropout": {"min": 0.0, "max": 0.5},
}


def _board(ranked: int) -> pd.DataFrame:
    random = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "rank": range(1, ranked + 1),
            "state": "ranked",
            "optim.lr": 10 ** random.uniform(-4, -2, ranked),
            "pooling": random.choice(["mean", "abmil"], ranked),
            "model.dropout": random.uniform(0, 0.5, ranked),
            "cv/inner_loss": np.linspace(1, 2, ranked),
        }
    )


@pytest.mark.parametrize("ranked", [1, 2, 30])
def test_a_line_a_configuration_from_axis_to_axis(tiny_sweep, ranked) -> None:
    sweep = read_sweep(tiny_sweep(method="random", parameters=WIDE))
    figure = parallel_coordinates(_board(ranked), sweep)
    (axes,) = figure.axes
    lines = [line for line in axes.lines if len(line.get_xdata()) == 4]
    assert len(lines) == ranked
    heights = np.array([line.get_ydata() for line in lines])
    assert np.isfinite(heights).all()
    assert ((heights >= 0) & (heights <= 1)).all()
    # The best is drawn last, above the others, at the low end of the metric.
    assert heights[-1, -1] == heights[:, -1].min()


def test_logarithmic_parameters_have_logarithmic_axes(tiny_sweep) -> None:
    sweep = read_sweep(tiny_sweep(method="random", parameters=WIDE))
    board = _board(9)
    board["optim.lr"] = np.geomspace(1e-4, 1e-2, 9)
    figure = parallel_coordinates(board, sweep)
    lines = [line for line in figure.axes[0].lines if len(line.get_xdata()) == 4]
    assert [line.get_ydata()[0] for line in lines] == pytest.approx(np.linspace(1, 0, 9).tolist())


def test_the_parameter_that_decides_is_found(order) -> None:
    made = order(method="random", parameters=WIDE, count=25)
    assert "0 ranked" in importance(made.folder, made.sweep)
    while taken := claim(made.folder, made.sweep, count=25, seed=0):
        rate = taken.values["optim.lr"]  # noqa: PD011 - no table
        value = abs(np.log10(rate) + 3)
        open_study(made.folder, made.sweep).tell(taken.number, value)
        taken.lock.close()
    shares = importance(made.folder, made.sweep)
    assert next(iter(shares)) == "optim.lr"
    assert shares["optim.lr"] > 0.7
    assert sum(shares.values()) == pytest.approx(1)


def test_equal_scores_say_nothing(order) -> None:
    made = order(method="random", parameters=WIDE, count=5)
    while taken := claim(made.folder, made.sweep, count=5, seed=0):
        open_study(made.folder, made.sweep).tell(taken.number, 1.0)
        taken.lock.close()
    assert importance(made.folder, made.sweep) == "all configurations have the same score"


def test_two_pictures_of_one_page_share_no_names() -> None:
    figure = importance_figure({"optim.lr": 0.8, "pooling": 0.2}, "cv/inner_loss")
    one, two = svg(figure, "one"), svg(figure, "two")
    assert one.startswith("<svg")
    assert "optim.lr" in one
    names = [
        {part.split('"')[0] for part in text.split('<clipPath id="')[1:]} for text in (one, two)
    ]
    assert not names[0] & names[1]
    assert svg(figure, "one") == one

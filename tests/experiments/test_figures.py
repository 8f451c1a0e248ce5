from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from matplotlib.image import imread

from experiments.figures import kaplan_meier_figure, save_figure, training_figure
from mmsurv.metrics.functional import kaplan_meier
from mmsurv.survival import DAYS_PER_YEAR

SCORES = {
    "cv": {"c_index": {"mean": 0.712, "sd": math.nan}},
    "logrank_p": {"value": 0.0001, "reason": ""},
}


@pytest.fixture
def predictions() -> pd.DataFrame:
    random = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "time_days": np.ceil(random.exponential(1500, 60)),
            "event": (random.random(60) < 0.6).astype(int),
            "risk_group": np.where(random.random(60) < 0.5, "high", "low"),
        }
    )


def _texts(figure: Figure) -> list[str]:
    return [text.get_text() for axes in figure.axes for text in axes.texts]


def test_the_curves_are_kaplan_meiers_of_the_groups(predictions) -> None:
    figure = kaplan_meier_figure(predictions, SCORES, "toy")
    axes, counts = figure.axes
    assert [line.get_label().split(":")[0] for line in axes.lines] == ["low risk", "high risk"]
    for line, group in zip(axes.lines, ("low", "high"), strict=True):
        rows = predictions[predictions["risk_group"] == group]
        curve = kaplan_meier(
            event=rows["event"].to_numpy(bool), time=rows["time_days"].to_numpy(float)
        )
        np.testing.assert_allclose(line.get_xdata(), curve.time / DAYS_PER_YEAR)
        np.testing.assert_allclose(line.get_ydata(), curve.survival)
        assert line.get_drawstyle() == "steps-post"
        assert f"{len(rows)} patients, {rows['event'].sum()} events" in line.get_label()
        at_risk = [
            int(text.get_text())
            for text in counts.texts
            if text.get_position()[1] == (1 if group == "low" else 0)
        ]
        years = counts.get_xticks()
        assert at_risk == [(rows["time_days"] >= y * DAYS_PER_YEAR).sum() for y in years]
    assert axes.lines[0].get_linestyle() != axes.lines[1].get_linestyle()
    (note,) = (text for text in _texts(figure) if "C-index" in text)
    assert "0.712 ± –" in note
    assert "p < 0.001" in note
    assert axes.get_title(loc="left") == "toy"


def test_an_empty_risk_group_is_an_empty_group(predictions) -> None:
    scores = SCORES | {"logrank_p": {"value": math.nan, "reason": "one group is empty"}}
    figure = kaplan_meier_figure(predictions.assign(risk_group="low"), scores, "toy")
    axes, counts = figure.axes
    assert len(axes.lines) == 1
    assert {t.get_text() for t in counts.texts if t.get_position()[1] == 0} == {"0"}
    assert "not computable" in " ".join(_texts(figure))


def test_the_training_curves_are_the_history_and_the_kept_epoch_is_marked(tmp_path) -> None:
    history = pd.DataFrame(
        {
            "epoch": [0, 1, 2, 3],
            "train/loss": [3.0, 2.0, 1.0, 0.5],
            "val/loss": [math.nan, 1.5, 1.2, 1.4],
            "val/c_index": [0.5, 0.6, math.nan, 0.7],
        }
    )
    figure = training_figure({"fold0": history, "fold1": history.iloc[:1].fillna(2.0)})
    losses, other, c_index, _ = figure.axes
    assert losses.get_title() == "fold0"
    assert other.get_title() == "fold1"
    train, validation, kept = losses.lines
    assert validation.get_xdata().tolist() == [1, 2, 3, 4]
    np.testing.assert_array_equal(train.get_ydata(), history["train/loss"])
    np.testing.assert_array_equal(validation.get_ydata(), history["val/loss"])
    np.testing.assert_array_equal(c_index.lines[0].get_ydata(), history["val/c_index"])
    assert kept.get_xdata()[0] == 3
    assert other.lines[2].get_xdata()[0] == 1
    figure.canvas.draw()
    assert all(tick == round(tick) for tick in c_index.get_xticks())  # there is no epoch 2.5
    save_figure(figure, tmp_path / "new" / "training.png")
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["training.png"]
    assert imread(tmp_path / "new" / "training.png").std() > 0.01


def test_many_networks_are_a_page_wide_and_share_the_axes_of_their_fold() -> None:
    def history(level: float) -> pd.DataFrame:
        columns = ("train/loss", "val/loss", "val/c_index")
        return pd.DataFrame({"epoch": [0, 1], **{name: [level, level + 1] for name in columns}})

    names = [f"fold{fold}/member{member}" for fold in range(7) for member in range(3)]
    figure = training_figure({name: history(k) for k, name in enumerate(names)})
    assert figure.get_size_inches().tolist() == [11.5, 8.4]
    shown = [axes for axes in figure.axes if axes.axison]
    assert [axes.get_title() for axes in shown if axes.get_title()] == [
        f"fold{k}" for k in range(7)
    ]
    assert len(shown) == 14
    second = shown[1]
    assert [line.get_ydata()[0] for line in second.lines[1::3]] == [3, 4, 5]
    assert len({axes.get_ylim() for axes in shown if axes.get_title()}) == 1
    assert [len(axes.get_legend().get_texts()) for axes in shown if axes.get_legend()] == [2]


def test_a_run_draws_its_own_numbers(finished) -> None:
    for name in ("kaplan_meier", "training"):
        assert imread(finished / "figures" / f"{name}.png").std() > 0.01

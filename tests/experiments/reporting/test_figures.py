from __future__ import annotations

import re

import pytest
from matplotlib.image import imread

from experiments.reporting.build import build
from experiments.reporting.figures import draw, file_name
from experiments.reporting.sources import load_sources
from experiments.reporting.style import COLUMN_INCHES, column_figure, hazard_axis, save, styled
from experiments.reporting.uncertainty import Effort

ALL = ("risk_groups", "risk_groups_mean", "curves", "calibration", "forest", "subgroups")


def test_every_figure_is_there_as_png_and_svg_with_words(source, tmp_path) -> None:
    report = build([source], (5.0, 10.0), Effort(100, 0))
    together, own = draw(report, tmp_path)
    drawn = [*together, *own["A"]]
    assert [d.name for d in drawn] == ["c_index", *(f"A_{name}" for name in ALL)]
    for figure in drawn:
        assert figure.reason == ""
        assert len(figure.alt) > 40
        assert len(figure.caption) > 40
        picture = imread(tmp_path / "figures" / f"{figure.name}.png")
        assert picture.std() > 0.01
        # A column of a journal at 300 dots an inch.
        assert picture.shape[1] == pytest.approx(COLUMN_INCHES * 300, abs=1)
        assert (tmp_path / "figures" / f"{figure.name}.svg").stat().st_size > 1000
    assert re.search(r"A 0\.\d{3} \(0\.\d{3} to 0\.\d{3}\)", together[0].alt)


def test_what_a_file_does_not_allow_is_left_out_with_its_reason(source, tmp_path) -> None:
    theirs = tmp_path / "theirs.csv"
    needed = ["patient_id", "fold", "time_days", "event", "log_hazard"]
    source.main.rows[needed].astype({"event": int}).to_csv(theirs, index=False)
    report = build(load_sources([theirs]), (5.0,), Effort(100, 0))
    together, own = draw(report, tmp_path)
    assert together[0].reason == ""
    assert all(drawn.reason for drawn in own["theirs"])
    assert {p.stem for p in (tmp_path / "figures").iterdir()} == {"c_index"}


def test_file_names_are_names_of_files() -> None:
    assert file_name("paper/image+genes@maxvit", "forest") == "paper-image-genes-maxvit_forest"


def test_the_same_figure_is_the_same_bytes(tmp_path) -> None:
    for name in ("a", "b"):
        with styled():
            figure = column_figure(2)
            figure.subplots().plot([0, 1], [0, 1])
            save(figure, tmp_path, name)
    for kind in ("png", "svg"):
        first, second = (tmp_path / "figures" / f"{name}.{kind}" for name in ("a", "b"))
        assert first.read_bytes() == second.read_bytes()


@pytest.mark.parametrize(("low", "high"), [(0.7, 1.4), (0.01, 300.0), (0.5, 3.0)])
def test_an_axis_of_ratios_has_plain_numbers_around_one(low, high) -> None:
    axes = column_figure(2).subplots()
    hazard_axis(axes, low, high)
    ticks = [tick.get_text() for tick in axes.get_xticklabels()]
    assert "1" in ticks
    assert all(re.fullmatch(r"[\d.]+", tick) for tick in ticks)

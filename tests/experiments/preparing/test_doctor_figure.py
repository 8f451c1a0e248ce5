from __future__ import annotations

from data_modules.doctor import examine
from experiments.preparing.doctor_figure import doctor_figure
from mmsurv.survival import DAYS_PER_YEAR


def test_every_panel_shows_its_numbers(toy_manifest, tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("MMSURV_CACHE", str(tmp_path))
    found = examine(toy_manifest)
    assert found.cohort is not None
    figure = doctor_figure(found.facts, found.cohort)
    flow, overlap, missing, follow_up = figure.axes
    assert [bar.get_width() for bar in flow.patches] == [60]
    assert [bar.get_width() for bar in overlap.patches] == [
        row["patients"] for row in found.facts["overlap"]
    ]
    assert [label.get_text() for label in missing.get_yticklabels()] == list(found.facts["missing"])
    survival, followed, _ = follow_up.lines
    years = found.facts["endpoints"]["OS"]["median_follow_up_years"]
    below = followed.get_xdata()[followed.get_ydata() <= 0.5][0]
    assert abs(below - years) < 1 / DAYS_PER_YEAR + 0.05 * years
    assert survival.get_ydata()[0] == followed.get_ydata()[0] == 1

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_modules.features import Provenance, SlideReport
from data_modules.features.check import (
    Rules,
    check_encoders,
    check_slide,
    common_width,
    judge,
)
from data_modules.features.readers import Place
from data_modules.problems import Problems

HERE = Path("P.h5")


def _report(**known) -> SlideReport:
    places = {
        "features": Place("features", None, (3, 4), "<f4"),
        "coords": Place("coords", None, (3, 2), "<i8"),
    }
    return SlideReport(HERE, 100, 0, **{**places, **known})


def _told(report: SlideReport, rules: Rules) -> list[str]:
    problems = Problems()
    slide = judge(report, rules, problems)
    assert (slide is None) == bool(problems.found)
    return [problem.message for problem in problems.found]


@pytest.mark.parametrize("name", ["stamp", "tiatoolbox"])
def test_coordinates_that_cannot_be_brought_to_level_0_are_refused(
    tmp_path, ways, coords, make_features, name
) -> None:
    path = ways[name].write(tmp_path / "P", make_features("f4"), coords)
    problems = Problems()
    assert check_slide(path, Rules(), problems) is None
    (message,) = [problem.message for problem in problems.found]
    assert "`mpp`, the µm per px at level 0 (or a column: `slides: {mpp: …}`)" in message
    assert message.endswith("or set `coords: ignore`, and no patch has a place")
    assert ("`coords_mpp`" in message) == (name == "tiatoolbox")


@pytest.mark.parametrize(
    ("known", "rules", "scale"),
    [
        ({}, Rules(), 1.0),
        ({}, Rules(mpp=0.5), 1.0),
        ({"unit": "um"}, Rules(mpp=0.5), 2.0),
        ({"unit": "um", "factor": 8 / 7}, Rules(mpp=0.5), 16 / 7),
        ({"unit": "um", "provenance": Provenance(mpp=0.25)}, Rules(), 4.0),
        ({"unit": "unknown"}, Rules(coords="level0"), 1.0),
        ({"unit": "unknown"}, Rules(mpp=0.25, coords_mpp=0.5), 2.0),
        ({"unit": "um"}, Rules(coords="ignore"), 0.0),
        ({"coords": None}, Rules(coords="ignore"), 0.0),
        ({"coords_problem": "wrong"}, Rules(coords="ignore"), 0.0),
        ({"coords": None, "vector": True}, Rules(), 0.0),
    ],
)
def test_coordinates_are_brought_to_level_0(known, rules, scale) -> None:
    problems = Problems()
    slide = judge(_report(**known), rules, problems)
    assert problems.found == []
    assert slide is not None
    assert slide.scale == pytest.approx(scale)
    assert (slide.coords is None) == (scale == 0)


@pytest.mark.parametrize(
    ("known", "rules", "told"),
    [
        ({"problem": "broken"}, Rules(), "broken"),
        ({"coords": None}, Rules(), "has no coordinates: set `coords: ignore`"),
        ({"coords_problem": "coords are NaN"}, Rules(), "coords are NaN"),
        ({}, Rules(width=5), "features are 4 wide, the manifest declares width 5"),
        ({"nan": 2, "infinite": 1, "first_bad": (1, 0, "nan")}, Rules(), "nan at patch 1, feature"),
        ({"unit": "um"}, Rules(), "coords are in µm: give `mpp`"),
        ({"unit": "unknown"}, Rules(mpp=0.5), "set `coords: level0` if they are level-0 px"),
        (
            {"unit": "um", "provenance": Provenance(mpp=0.5)},
            Rules(mpp=0.25),
            "the file says mpp 0.5, the manifest 0.25: correct one",
        ),
    ],
)
def test_what_a_run_cannot_use_is_told(known, rules, told) -> None:
    (message,) = _told(_report(**known), rules)
    assert told in message


@given(st.lists(st.integers(0, 40_000), min_size=2, max_size=2), st.sampled_from([0.2527, 0.5]))
def test_level_0_pixels_come_back_from_micrometres(place, mpp) -> None:
    micrometres = (np.array(place) * mpp).astype(np.float32)
    slide = judge(_report(unit="um"), Rules(mpp=mpp), Problems())
    assert slide is not None
    assert np.rint(micrometres * slide.scale).tolist() == place


def test_widths_of_a_folder_must_agree() -> None:
    reports = [_report(), _report(), SlideReport(HERE, 1, 0, "broken")]
    problems = Problems()
    assert common_width(reports, problems) == 4
    assert problems.found == []
    other = _report(features=Place("features", None, (3, 9), "<f4"))
    assert common_width([*reports, other], problems) == 4
    assert "features are 9 wide, those of 2 other files 4" in problems.found[0].message
    assert common_width([], problems) == 0


def test_unlike_encoders_in_one_folder_are_refused() -> None:
    reports = [_report(provenance=Provenance(encoder=name)) for name in ("uni", "uni", "conch", "")]
    problems = Problems()
    check_encoders(reports[:2] + reports[3:], (), HERE, problems)
    check_encoders(reports, ("conch", "uni"), HERE, problems)
    assert problems.found == []
    check_encoders(reports, (), HERE, problems)
    check_encoders(reports, ("uni",), HERE, problems)
    one, other = (problem.message for problem in problems.found)
    assert "unlike encoders: 'conch' (1 files), 'uni' (2 files)" in one
    assert "1 files are of encoder 'conch', `encoders` has ['uni']" in other

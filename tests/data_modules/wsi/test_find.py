from __future__ import annotations

from pathlib import Path

import pytest

from data_modules.problems import Problems
from data_modules.wsi.find import ANNOTATIONS, belonging, find_slides

DX1 = "TCGA-A2-A0T2-01Z-00-DX1.29A5"


def made(folder: Path, *names: str) -> Path:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("")
    return folder


def test_slides_are_found_where_the_gdc_client_lays_them(tmp_path) -> None:
    folder = made(
        tmp_path, f"0a1b/{DX1}.svs", "0a1b/logs/x.parcel", "2c3d/B.SVS", ".cache/C.svs",
        "notes.txt", "D.svs.partial",
    )  # fmt: skip
    problems = Problems()
    found = find_slides(folder, problems)
    assert found == {DX1: folder / f"0a1b/{DX1}.svs", "B": folder / "2c3d/B.SVS"}
    assert not problems.found
    assert find_slides(folder / "2c3d" / "B.SVS", problems) == {"B": folder / "2c3d" / "B.SVS"}


@pytest.mark.parametrize(
    ("names", "message"),
    [((), "holds no slides (.svs, "), (("a/X.svs", "b/X.tif"), "slide 'X' is there 2 times: a/X")],
)
def test_no_slides_and_two_of_a_name_are_problems(tmp_path, names, message) -> None:
    problems = Problems()
    find_slides(made(tmp_path, *names), problems)
    assert message in problems.found[0].message


def test_a_folder_that_is_not_there_is_a_problem(tmp_path) -> None:
    problems = Problems()
    assert find_slides(tmp_path / "x", problems) == {}
    assert belonging(tmp_path / "x", {}, ANNOTATIONS, problems) == ({}, [])
    assert len(problems.found) == 2


def test_files_find_their_slides_by_any_of_its_names(tmp_path) -> None:
    slides = {name: Path(f"{name}.svs") for name in (DX1, "A", "B", "C")}
    folder = made(
        tmp_path, "TCGA-A2-A0T2-01Z-00-DX1.geojson", "A.json", "B.svs.geojson", "other.geojson",
        "C.txt",
    )  # fmt: skip
    problems = Problems()
    found, strangers = belonging(folder, slides, ANNOTATIONS, problems)
    assert {name: path.name for name, path in found.items()} == {
        DX1: "TCGA-A2-A0T2-01Z-00-DX1.geojson", "A": "A.json", "B": "B.svs.geojson",
    }  # fmt: skip
    assert [path.name for path in strangers] == ["other.geojson"]
    assert not problems.found


def test_a_short_name_of_two_slides_is_nobodys(tmp_path) -> None:
    slides = {name: Path(f"{name}.svs") for name in ("S.1", "S.2")}
    found, strangers = belonging(made(tmp_path, "S.json"), slides, ANNOTATIONS, Problems())
    assert not found
    assert len(strangers) == 1


def test_two_files_of_a_slide_are_a_problem(tmp_path) -> None:
    problems = Problems()
    belonging(made(tmp_path, "A.json", "A.geojson"), {"A": Path("A.svs")}, ANNOTATIONS, problems)
    assert "slide 'A' has 2 files: A.geojson, A.json: keep one" in problems.found[0].message

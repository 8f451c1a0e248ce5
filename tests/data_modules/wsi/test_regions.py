from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from shapely.geometry import box

from data_modules.problems import Problems
from data_modules.wsi.regions import (
    Region,
    all_annotated,
    choose_region,
    read_classes,
    read_regions,
    unknown_classes,
)

SQUARE = {"type": "Polygon", "coordinates": [[[0, 0], [10, 0], [10, 10], [0, 10], [0, 0]]]}
FAR = {"type": "Polygon", "coordinates": [[[20, 0], [25, 0], [25, 5], [20, 5], [20, 0]]]}
BOW = {"type": "Polygon", "coordinates": [[[0, 0], [10, 10], [10, 0], [0, 10], [0, 0]]]}
HOLED = {"type": "Polygon", "coordinates": [SQUARE["coordinates"][0],
                                            [[2, 2], [4, 2], [4, 4], [2, 4], [2, 2]]]}  # fmt: skip
BOTH = {"type": "MultiPolygon", "coordinates": [SQUARE["coordinates"], FAR["coordinates"]]}


def _feature(geometry, **about) -> dict:
    return {"type": "Feature", "geometry": geometry, "properties": about}


def _read(tmp_path, content) -> tuple[list[Region], str]:
    path = tmp_path / "a.geojson"
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        path.write_text(json.dumps(content), encoding="utf-8")
    problems = Problems()
    return read_regions(path, problems), " ".join(map(str, problems.found))


NEW = {"objectType": "annotation", "classification": {"name": "Tumor", "color": [1, 2, 3]}}
OLD = {"classification": {"name": "Tumor", "colorRGB": -3670016}, "isLocked": False}


@pytest.mark.parametrize(
    "content",
    [
        {"type": "FeatureCollection", "features": [_feature(SQUARE, **NEW)]},
        [_feature(SQUARE, **OLD)],
        _feature(SQUARE, **NEW),
        [_feature(SQUARE, objectType="annotation", name="Tumor", color=[255, 0, 0])],
        [_feature(SQUARE, label="Tumor", group="x")],
        {"features": [_feature(SQUARE, classification={"names": ["Tumor"]})]},
    ],
)
def test_exports_of_every_age_are_one(tmp_path, content) -> None:
    (region,), found = _read(tmp_path, content)
    assert (region.name, region.geometry.area, region.repaired) == ("Tumor", 100.0, False)
    assert found == ""


@pytest.mark.parametrize(
    ("geometry", "area", "repaired"),
    [(SQUARE, 100, False), (BOTH, 125, False), (HOLED, 96, False), (BOW, 50, True),
     ({"type": "GeometryCollection", "geometries": [SQUARE, FAR]}, 125, False)],
)  # fmt: skip
def test_areas_with_parts_holes_and_crossings(tmp_path, geometry, area, repaired) -> None:
    (region,), found = _read(tmp_path, geometry)
    assert region.geometry.area == pytest.approx(area)
    assert region.repaired == repaired
    assert region.geometry.is_valid
    assert found == ""


def test_what_is_no_area_is_passed_over(tmp_path) -> None:
    line = {"type": "LineString", "coordinates": [[0, 0], [9, 9]]}
    regions, found = _read(tmp_path, [
        _feature(line), _feature({"type": "Point", "coordinates": [1, 1]}), _feature(None),
        _feature(SQUARE, objectType="cell"), _feature(SQUARE, classification=None),
        {"type": "Feature", "id": "PathCellObject", "geometry": SQUARE, "properties": {}},
    ])  # fmt: skip
    assert [region.name for region in regions] == [""]
    assert found == ""


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"<xml/>", "not GeoJSON"),
        (b"\xff\xfe\x00", "not GeoJSON"),
        ({"Background": 0}, "neither features nor a geometry"),
        ([], "neither features nor a geometry"),
        ([_feature(SQUARE, objectType="cell")], "export annotations, not detections"),
        ([_feature({"type": "Polygon", "coordinates": [[[0, 0], [1]]]})], "feature 1: not a geom"),
        ([_feature({"type": "Circle"})], "feature 1: not a geometry"),
    ],
)
def test_what_is_no_annotation_is_refused(tmp_path, content, words) -> None:
    regions, found = _read(tmp_path, content)
    assert regions == []
    assert words in found


@given(st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=4)
    | st.sampled_from(["Feature", "Polygon", "geometry", "coordinates"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
        st.sampled_from(["type", "features", "geometry", "properties", "coordinates",
                         "classification", "name", "geometries"]), inner, max_size=4),
    max_leaves=12,
))  # fmt: skip
def test_no_json_whatever_breaks_the_reader(tmp_path_factory, content) -> None:
    regions, found = _read(tmp_path_factory.getbasetemp(), content)
    assert regions or found


LARGE = (100, 100)


def _choose(regions, include=(), exclude=(), size=LARGE):  # noqa: ANN202
    problems = Problems()
    area, notes = choose_region(
        regions, include=include, exclude=exclude, size_px=size, problems=problems
    )
    return area, notes, " ".join(map(str, problems.found))


REGIONS = [
    Region("Tumor: vital", box(0, 0, 40, 40)), Region("Stroma", box(40, 0, 60, 40)),
    Region("Necrosis", box(30, 0, 50, 40)), Region("Tumorous", box(80, 80, 90, 90)),
]  # fmt: skip


@pytest.mark.parametrize(
    ("include", "exclude", "area"),
    [
        (["Tumor", "Stroma"], ["Necrosis"], 30 * 40 + 10 * 40),
        (["tumor"], [], 1600),
        (["Tumor: vital"], [], 1600),
        ([], ["Necrosis", "Tumorous"], 1600),
        (["Necrosis"], ["Necrosis"], 0),
        ([], [], 60 * 40 + 100),
    ],
)
def test_classes_are_taken_by_name_and_exclusion_wins(include, exclude, area) -> None:
    chosen, notes, found = _choose(REGIONS, include, exclude)
    assert chosen.area == pytest.approx(area)
    assert (notes, found) == ([], "")


def test_a_class_that_is_not_there_is_named_with_its_nearest() -> None:
    _, notes, found = _choose(REGIONS, ["Tumor", "Strona"], ["Nekrosis"])
    assert found == ""
    assert "no annotation of class Strona; did you mean Stroma?" in notes[0]
    assert "Nekrosis; did you mean Necrosis?" in notes[1]
    _, _, found = _choose(REGIONS, ["Strona"])
    assert "no annotation of class Strona; did you mean Stroma?" in found
    assert "has Necrosis, Stroma, Tumor: vital, Tumorous" in found
    assert "names no class" in _choose([Region("", box(0, 0, 9, 9))], ["Tumor"])[2]


def test_an_annotation_of_another_slide_is_refused_with_both_extents() -> None:
    _, _, found = _choose(REGIONS, size=(30, 10))
    assert "reaches from (0, 0) to (90, 90)" in found
    assert "the slide from (0, 0) to (30, 10)" in found
    area, _, found = _choose(REGIONS, size=(60, 60))
    assert found == ""
    assert area.bounds == (0, 0, 60, 40)


def test_repairs_are_told() -> None:
    _, notes, _ = _choose([Region("a", box(0, 0, 9, 9), repaired=True)])
    assert notes == ["1 annotations had outlines that cross themselves and were repaired"]


LINE = {"type": "Polygon", "coordinates": [[[0, 0], [9, 9], [0, 0], [0, 0]]]}


def test_what_has_no_area_is_dropped_and_told(tmp_path) -> None:
    flat = _feature(LINE, name="Tumor")
    regions, found = _read(tmp_path, [_feature(SQUARE, name="Tumor"), flat])
    assert found == ""
    area, notes, found = _choose(regions, ["Tumor"])
    assert (area.area, found) == (100, "")
    assert notes == ["1 annotations without area were dropped"]
    regions, found = _read(tmp_path, [flat])
    assert regions == []
    assert "no annotated area in it (1 annotations have no area)" in found


def test_classes_of_a_set_are_those_of_all_its_files(tmp_path) -> None:
    path = tmp_path / "a.geojson"
    path.write_text(json.dumps([_feature(SQUARE, name="Necrosis"), _feature(FAR)]))
    assert read_classes(path) == {"Necrosis"}
    assert all_annotated(path).bounds == (0, 0, 25, 10)  # type: ignore[union-attr]
    assert read_classes(tmp_path / "absent") == set()
    assert all_annotated(tmp_path / "absent") is None
    assert unknown_classes(["necrosis"], {"Necrosis"}) == []
    assert unknown_classes(["x"], []) == ["x is annotated nowhere. No annotation names a class"]


@pytest.mark.real
def test_real_exports(real_data) -> None:
    found = {}
    for path in sorted((real_data / "qupath").glob("*json")):
        problems = Problems()
        regions = read_regions(path, problems)
        found[path.name] = (len(regions), {region.name for region in regions})
        assert bool(regions) != bool(problems.found), path.name
    assert found["CMU-1.json"] == (5, {"Cyst", "Makrophage", "Tissue", "Tumor_vital", "mark"})
    assert found["histoqc_geojson_example.json"] == (2, {"Tumor", "Invborder"})
    assert found["dlup_qupath05.geojson"] == (3, {"UT", "I"})
    assert found["luna_1006844.annotation.geojson"] == (15, {"Other", "TILs", "Tumor"})
    assert found["qupath_core_bare_multipolygon.geojson"] == (1, {""})
    for name in ("CMU-1.label_map.json", "luna_test_cell_detections.geojson"):
        assert found[name] == (0, set())

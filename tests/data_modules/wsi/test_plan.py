from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest

from data_modules.problems import BadInput
from data_modules.wsi.plan import plan_slide
from data_modules.wsi.slide import open_slide

RING = [[0, 0], [224, 0], [224, 112], [0, 112], [0, 0]]


def annotated(folder: Path, name: str) -> Path:
    feature = {
        "type": "Feature", "geometry": {"type": "Polygon", "coordinates": [RING]},
        "properties": {"classification": {"name": name}},
    }  # fmt: skip
    path = folder / "A.geojson"
    path.write_text(json.dumps([feature]), encoding="utf-8")
    return path


def test_no_tile_is_a_problem_of_the_slide(make_task, recipe) -> None:
    task = make_task(side=100)
    with open_slide(task.path) as slide, pytest.raises(BadInput, match="no tile is left"):
        plan_slide(task, recipe, slide, 224)


def test_tiles_lie_in_the_annotated_classes(make_task, recipe, tmp_path) -> None:
    task = make_task()._replace(annotation=annotated(tmp_path, "Tumor"))
    with open_slide(task.path) as slide:
        plan = plan_slide(task, replace(recipe, include=("Tumor",)), slide, 224)
        assert plan.tiles.coords.tolist() == [[0, 0], [112, 0]]
        assert plan.region is not None
        assert plan.region.area == 224 * 112
        with pytest.raises(BadInput, match="did you mean Tumor"):
            plan_slide(task, replace(recipe, include=("Tumour",)), slide, 224)


def test_a_slide_without_annotation_is_taken_whole_or_not_at_all(make_task, recipe) -> None:
    task = make_task()
    with open_slide(task.path) as slide:
        assert len(plan_slide(task, recipe, slide, 224).tiles.coords) == 25
        with pytest.raises(BadInput, match="has no annotation, and --include asks"):
            plan_slide(task, replace(recipe, include=("Tumor",)), slide, 224)


def test_an_annotation_of_another_level_is_refused_with_both_extents(
    make_task, recipe, tmp_path
) -> None:
    """It lies on the slide, in its upper left corner, where there is only glass."""
    task = make_task(side=3000, radius=0.2)._replace(annotation=annotated(tmp_path, "Tumor"))
    with open_slide(task.path) as slide:
        with pytest.raises(BadInput) as error:
            plan_slide(task, replace(recipe, tissue="otsu"), slide, 224)
        assert len(plan_slide(task, recipe, slide, 224).tiles.coords) == 2
    text = str(error.value)
    assert "A.geojson: 0.0% of the annotated region is tissue" in text
    assert "from (0, 0) to (224, 112), the tissue from (" in text
    assert "another slide, offset or level" in text


def test_glass_is_left_out(make_task, recipe) -> None:
    task = make_task(side=3000, radius=0.2)
    with open_slide(task.path) as slide:
        everything = plan_slide(task, recipe, slide, 224).tiles.coords
        tissue = plan_slide(task, replace(recipe, tissue="otsu"), slide, 224).tiles.coords
    assert 0 < len(tissue) < 0.4 * len(everything)
    assert (np.abs(tissue + 56 - 1500).max(0) < 1000).all()


def test_places_of_another_tool_are_taken_in_its_order(make_task, recipe, tmp_path) -> None:
    path = tmp_path / "A_patches.h5"
    places = np.array([[112, 0], [0, 224]])
    with h5py.File(path, "w") as file:
        file["coords"] = places
        file["coords"].attrs.update({"patch_size": 256, "patch_size_level0": 128})
    task = make_task()._replace(coords=path)
    with open_slide(task.path) as slide:
        plan = plan_slide(task, replace(recipe, coords=True), slide, 224)
    assert plan.tiles.coords.tolist() == places.tolist()
    assert (plan.tiles.extent_px, plan.tiles.tile_px) == ((128, 128), 224)
    assert plan.tiles.mpp == pytest.approx(128 * 0.5 / 224)
    assert plan.notes == ("tiles of 256 px are read as 224 px",)


def test_a_slide_without_places_is_not_cut_into_a_grid(make_task, recipe) -> None:
    task = make_task()
    with open_slide(task.path) as slide, pytest.raises(BadInput, match="has no coordinates"):
        plan_slide(task, replace(recipe, coords=True), slide, 224)

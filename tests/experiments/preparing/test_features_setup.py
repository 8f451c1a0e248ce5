from __future__ import annotations

import argparse
import json
from pathlib import Path

import pytest
from PIL import Image

from data_modules.problems import BadInput, Problems
from experiments.prepare import parser
from experiments.preparing.features_setup import gather, open_folder, read_needs, set_up

pytestmark = pytest.mark.usefixtures("mean_colours")


def options(slides: Path, out: Path, *flags: str) -> argparse.Namespace:
    return parser().parse_args(["features", "--slides", str(slides), "--out", str(out), *flags])


def test_every_slide_is_a_task_the_largest_first(slides, tmp_path) -> None:
    setup = set_up(options(slides, tmp_path / "out"))
    assert [task.name for task in setup.tasks][-1] == "empty"
    task = next(task for task in setup.tasks if task.name == "P2")
    assert (task.path, task.annotation, task.coords) == (slides / "P2.svs", None, None)
    assert task.target == tmp_path / "out" / "P2.h5"
    assert setup.width == 3
    assert not (tmp_path / "out").exists()


def test_slides_without_and_files_without_slides_are_noted(slides, tmp_path) -> None:
    notes = tmp_path / "annotations"
    notes.mkdir()
    (notes / "P2.json").write_text("[]")
    (notes / "Q.json").write_text("[]")
    problems = Problems()
    flags = ["--annotations", str(notes)]
    tasks, told = gather(options(slides, tmp_path / "out", *flags), problems)
    assert {task.name: task.annotation for task in tasks}["P2"] == notes / "P2.json"
    assert told[0] == "1 annotations belong to no slide: Q.json"
    assert told[1].startswith("2 slides have no annotations: TCGA")
    assert not problems.found


def test_tiles_have_the_size_that_the_encoder_takes_unless_said(slides, tmp_path) -> None:
    setup = set_up(options(slides, tmp_path / "out"))
    assert (setup.recipe.grid.tile_px, setup.notes) == (224, [])
    setup = set_up(options(slides, tmp_path / "out", "--tile_px", "256"))
    assert (setup.recipe.grid.tile_px, setup.header["tile_px"]) == (256, 256)
    assert setup.notes == ["maxvit resamples tiles of 256 px to 224 px"]


@pytest.mark.parametrize("text", ["GPU", "=1", "GPU=", "GPU=x", "GPU=0", "GPU=-1"])
def test_a_resource_is_a_name_and_an_amount(text) -> None:
    problems = Problems()
    read_needs([text], "local", problems)
    assert f"{text!r} is no NAME=AMOUNT" in problems.found[0].message
    assert read_needs(["GPU=1", "memory=2e9"], "local", Problems()) == {"GPU": 1, "memory": 2e9}


def annotations(folder: Path) -> str:
    folder.mkdir()
    ring = [[0, 0], [224, 0], [224, 112], [0, 112], [0, 0]]
    for slide, name in (("P2", "Tumor"), ("Q", "Necrosis")):
        shape = {"type": "Polygon", "coordinates": [ring]}
        feature = {"type": "Feature", "geometry": shape, "properties": {"name": name}}
        (folder / f"{slide}.geojson").write_text(json.dumps([feature]), encoding="utf-8")
    return str(folder)


def test_a_misspelt_class_is_told_before_the_first_slide(slides, tmp_path) -> None:
    flags = ("--annotations", annotations(tmp_path / "annotations"))
    with pytest.raises(BadInput) as error:
        set_up(
            options(
                slides, tmp_path / "out", *flags, "--exclude", "Nekrosis", "--include", "Tumor",
                "Strona",
            )
        )  # fmt: skip
    text = str(error.value)
    assert "--exclude: Nekrosis is annotated nowhere; did you mean Necrosis?" in text
    assert "--include: Strona is annotated nowhere. There are Necrosis, Tumor" in text
    # Only an annotation of a slide that is not done here has it.
    assert set_up(options(slides, tmp_path / "out", *flags, "--exclude", "Necrosis")).tasks


@pytest.mark.parametrize(
    ("content", "stain", "words"),
    [
        (None, "none", "not an image that can be read"),
        (b"no image", "macenko", "not an image that can be read"),
        ((250, 250, 250), "macenko", "choose an image of stained tissue"),
        ((190, 120, 180), "vahadane", "choose an image of stained tissue"),
        ((250, 250, 250), "reinhard", "choose an image of stained tissue"),
    ],
)
def test_a_target_that_cannot_be_used_is_told_before_the_first_slide(
    slides, tmp_path, content, stain, words
) -> None:
    target = tmp_path / "target.png"
    if isinstance(content, tuple):
        Image.new("RGB", (100, 100), content).save(target)
    elif content is not None:
        target.write_bytes(content)
    flags = ("--stain", stain, "--stain_target", str(target))
    with pytest.raises(BadInput, match=words):
        set_up(options(slides, tmp_path / "out", *flags))


def test_places_of_another_tool_have_their_own_size(slides, tmp_path) -> None:
    (tmp_path / "coords").mkdir()
    flags = ("--coords", str(tmp_path / "coords"))
    assert "tile_mpp" not in set_up(options(slides, tmp_path / "out", *flags)).header
    with pytest.raises(BadInput) as error:
        set_up(options(slides, tmp_path / "o", *flags, "--tile_mpp", "0.25", "--tile_px", "224"))
    assert "--tile_mpp: is what the files of --coords say" in str(error.value)
    assert "--tile_px: is what the files of --coords say" in str(error.value)


def test_the_recipe_of_a_folder_stays(slides, tmp_path) -> None:
    setup = set_up(options(slides, tmp_path / "out"))
    open_folder(tmp_path / "out", setup)
    open_folder(tmp_path / "out", setup)
    with pytest.raises(BadInput, match="column stain_wanted: was 'macenko', is now 'none'"):
        open_folder(tmp_path / "out", set_up(options(slides, tmp_path / "out", "--stain", "none")))

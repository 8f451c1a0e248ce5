from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from data_modules.wsi.recipe import Recipe, digest_of, digest_of_settings
from data_modules.wsi.tiles import Grid

SAYS = {"timm": "resnet50.a1_in1k", "weights": "ab"}


def test_whatever_changes_features_changes_the_recipe(tmp_path) -> None:
    recipe = Recipe("resnet50")
    target = tmp_path / "target.png"
    target.write_bytes(b"x")
    others = [
        replace(recipe, encoder="maxvit"),
        replace(recipe, grid=Grid(mpp=0.5)),
        replace(recipe, grid=Grid(min_tissue=0.1)),
        replace(recipe, stain="none"),
        replace(recipe, stain_target=target),
        replace(recipe, tissue="none"),
        replace(recipe, include=("Tumor",)),
        replace(recipe, exclude=("Tumor",)),
        replace(recipe, coords=True),
    ]
    digests = [digest_of_settings(one.header(SAYS)) for one in (recipe, *others)]
    digests += [digest_of_settings(recipe.header({**SAYS, "weights": "cd"}))]
    assert len(set(digests)) == len(digests)


def test_a_scale_that_only_some_slides_need_changes_no_recipe() -> None:
    assert Recipe("m", mpp=0.25).header(SAYS) == Recipe("m").header(SAYS)


def test_tiles_of_another_tool_have_no_size_in_the_recipe() -> None:
    assert {"tile_px", "tile_mpp"} <= set(Recipe("m").header(SAYS))
    about = Recipe("m", coords=True).header(SAYS)
    assert not {"tile_px", "tile_mpp"} & set(about)


def test_where_files_lie_changes_nothing(tmp_path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).write_bytes(b"same")
    one, other = (
        Recipe("m", weights=tmp_path / name, stain_target=tmp_path / name) for name in ("a", "b")
    )
    assert one.header(SAYS) == other.header(SAYS)


def test_a_digest_is_of_the_content(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"1")
    before = digest_of(tmp_path / "a")
    (tmp_path / "a").write_bytes(b"2")
    assert digest_of(tmp_path / "a") != before

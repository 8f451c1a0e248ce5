from __future__ import annotations

import h5py
import numpy as np
import pytest

from data_modules.wsi.encoder import load_encoder
from data_modules.wsi.extract import extract
from data_modules.wsi.recipe import Recipe
from data_modules.wsi.reference import bare_forward, tiatoolbox_extractor
from data_modules.wsi.tiles import Grid

SMALL = "test_resnet.r160_in1k"


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_the_network_alone_can_be_called(precision) -> None:
    call = bare_forward(SMALL, 2, device="cpu", precision=precision)
    call()


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_tiatoolbox_and_we_agree_on_the_same_tiles(make_task, tmp_path) -> None:
    task = make_task()
    encoder = load_encoder(SMALL, weights=None, random_weights=True, device="cpu", precision="fp32")
    recipe = Recipe(SMALL, stain="none", tissue="none", grid=Grid(160, 0.5))
    extract(task, recipe, encoder)
    run = tiatoolbox_extractor(SMALL, batch=4, device="cpu", tile_px=160, mpp=0.5)
    features, places = run(task.path, np.ones((64, 64), np.uint8), tmp_path)
    with h5py.File(task.target) as file:
        ours = {tuple(c): f for c, f in zip(file["coords"][:], file["features"][:], strict=True)}
    theirs = {(x, y): f for (x, y, _, _), f in zip(places, features, strict=True)}
    assert set(ours) <= set(theirs)
    assert len(ours) == 9
    for place, row in ours.items():
        np.testing.assert_allclose(row, theirs[place], atol=1e-4)

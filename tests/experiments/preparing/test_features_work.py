from __future__ import annotations

import torch

from data_modules.wsi.recipe import Recipe, SlideTask
from experiments.preparing.features_work import (
    Settings,
    device_of,
    encoder_of,
    extract_one,
    forget_encoder,
)

SETTINGS = Settings("cpu", 4, 1)


def test_a_process_loads_its_encoder_once(mean_colours) -> None:
    recipe = Recipe("mean")
    first = encoder_of(recipe, SETTINGS)
    assert encoder_of(Recipe("mean"), SETTINGS) is first
    assert encoder_of(Recipe("mean", random_weights=True), SETTINGS) is not first
    forget_encoder()
    assert encoder_of(recipe, SETTINGS) is not first


def test_a_slide_is_done(mean_colours, slides, tmp_path) -> None:
    (tmp_path / "out").mkdir()
    task = SlideTask(
        "P2", slides / "P2.svs", None, None, tmp_path / "out" / "P2.h5", tmp_path / "P2.png"
    )
    done = extract_one(Recipe("mean", stain="none", tissue="none"), SETTINGS, task)
    assert (done.tiles, task.target.exists()) == (9, True)


def test_processes_share_out_the_gpus(monkeypatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    found = []
    for place in range(3):
        monkeypatch.setenv("MMSURV_WORKER", str(place))
        found.append(device_of("auto"))
    assert found == ["cuda:0", "cuda:1", "cuda:0"]
    assert device_of("cuda:1") == "cuda:1"
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert device_of("auto") == "cpu"

from __future__ import annotations

import csv
import shutil
from pathlib import Path

import h5py
import numpy as np
import pytest

from data_modules.wsi.encoder import load_encoder
from data_modules.wsi.slide import open_slide
from experiments.prepare import main

SMALL = "test_resnet.r160_in1k"
PAIR = "CMU-1-Small-Region"


@pytest.fixture
def annotations(real_data, tmp_path) -> Path:
    folder = tmp_path / "annotations"
    folder.mkdir()
    source = real_data / "qupath" / f"{PAIR}.derived_from_CMU-1.geojson"
    shutil.copy(source, folder / f"{PAIR}.geojson")
    return folder


def rows(path: Path, mark: str) -> dict[str, dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return {row["slide"]: row for row in csv.DictReader(file, delimiter=mark)}


@pytest.mark.real
@pytest.mark.parametrize("how", [(), pytest.param(("--jobs", "2"), marks=pytest.mark.slow)])
def test_real_slides_become_bags_or_are_refused(
    real_data, annotations, tmp_path, how, monkeypatch
) -> None:
    monkeypatch.syspath_prepend(Path(__file__).parents[3])
    out = tmp_path / "out"
    flags = ["--encoder", SMALL, "--random-weights", "--stain", "none", *how]
    code = main(
        ["features", "--slides", str(real_data / "slides"), "--annotations", str(annotations),
         "--out", str(out), "--tile_mpp", "1", *flags]
    )  # fmt: skip
    assert code == 2
    reasons = {name: row["reason"] for name, row in rows(out / "quarantine.tsv", "\t").items()}
    assert "--mpp" in reasons["TCGA-CR-7395-01A-01-TS1"]
    assert "352.858" in reasons["pathml_small_HE_levels"]
    assert "no tile is left" in reasons["openslide_small_16x16"]
    done = rows(out / "slides.csv", ",")
    assert set(done) == {PAIR, "luna_1065626_near_empty"}
    assert int(done[PAIR]["tiles"]) > 10
    encoder = load_encoder(SMALL, weights=None, random_weights=True, device="cpu", precision="fp32")
    with (
        open_slide(real_data / "slides" / f"{PAIR}.svs") as slide,
        h5py.File(out / f"{PAIR}.h5") as bag,
    ):
        side = 160 / 0.499
        for place, features in zip(bag["coords"][:], bag["features"][:], strict=True):
            tile = slide.read((int(place[0]), int(place[1])), (side, side), 160)
            np.testing.assert_allclose(encoder.encode(np.stack([tile]))[0], features, atol=1e-4)

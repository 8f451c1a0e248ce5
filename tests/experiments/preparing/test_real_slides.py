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
from experiments.run import main as run_main

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


COHORT = """
name: one slide many times
patients: {path: patients.csv, id: patient}
endpoints:
  OS: {time: days, unit: days, event: died, codes: {1: true, 0: false}}
"""


@pytest.mark.real
@pytest.mark.slow
def test_a_run_learns_from_the_bags_of_a_real_slide(
    real_data, annotations, tmp_path, capsys
) -> None:
    """At 0.25 µm/px with Macenko, as a cohort would be; its bag stands for every patient."""
    out = tmp_path / "out"
    flags = ["--encoder", SMALL, "--random-weights", "--stain", "macenko"]
    code = main(
        ["features", "--slides", str(real_data / "slides" / f"{PAIR}.svs"), "--out", str(out),
         "--annotations", str(annotations), *flags]
    )  # fmt: skip
    assert code == 0
    (row,) = rows(out / "slides.csv", ",").values()
    assert (float(row["tile_mpp"]), row["stain"]) == (0.25, "macenko")
    assert int(row["tiles"]) > 100
    patients = ["patient,days,died"]
    for i in range(12):
        shutil.copy(out / f"{PAIR}.h5", out / f"P{i:02d}.h5")
        patients.append(f"P{i:02d},{100 + 37 * i},{int(i % 3 > 0)}")
    (out / f"{PAIR}.h5").unlink()
    (tmp_path / "patients.csv").write_text("\n".join(patients) + "\n", encoding="utf-8")
    lines = (out / "features.yaml").read_text(encoding="utf-8")
    (tmp_path / "cohort.yaml").write_text(COHORT + lines, encoding="utf-8")
    code = run_main(
        [
            "--cohort", str(tmp_path / "cohort.yaml"), "--modalities", "image", "--folds", "2",
            "--out", str(tmp_path / "run"), "--logger", "csv", "--trainer.max_epochs", "1",
            "--model.width", "8", "--model.heads", "2", "--trainer.threads", "1",
        ]
    )  # fmt: skip
    assert code == 0
    told = " ".join(capsys.readouterr().out.split())
    assert "come from an encoder with random weights" in told
    with (tmp_path / "run" / "predictions.csv").open(encoding="utf-8", newline="") as file:
        assert len(list(csv.DictReader(file))) == 12

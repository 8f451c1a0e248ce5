from __future__ import annotations

import csv
from pathlib import Path

import yaml

from data_modules.manifest import FeatureSource
from data_modules.problems import Problems
from data_modules.schema import build
from data_modules.wsi.extract import Extracted
from data_modules.wsi.index import write_index

HEADER = {"mpp": 0.25, "tile_mpp": 0.25, "encoder": "m", "stain": "none", "slide_digest": "ab"}


def done(folder: Path, name: str, tiles: int = 3) -> Extracted:
    (folder / f"{name}.h5").write_bytes(b"")
    return Extracted(name, "written", tiles, tiles, 1.0, dict(HEADER), ("one", "two"))


def rows(folder: Path) -> list[dict[str, str]]:
    with (folder / "slides.csv").open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def source(folder: Path) -> FeatureSource:
    content = yaml.safe_load((folder / "features.yaml").read_text(encoding="utf-8"))
    problems = Problems()
    made = build(FeatureSource, content["features"]["m"], "features.yaml", "", problems)
    problems.raise_if_any()
    return made


def test_slides_of_tcga_have_their_patients(tmp_path) -> None:
    names = ["TCGA-A2-A0T2-01Z-00-DX2.x", "TCGA-A2-A0T2-01Z-00-DX1.y"]
    write_index(tmp_path, "m", 512, [done(tmp_path, name) for name in names])
    assert [row["slide"] for row in rows(tmp_path)] == sorted(names)
    assert {row["patient"] for row in rows(tmp_path)} == {"TCGA-A2-A0T2"}
    assert rows(tmp_path)[0]["notes"] == "one; two"
    entry = source(tmp_path)
    assert (entry.format, entry.width, Path(entry.path)) == ("bags", 512, tmp_path)
    assert entry.slides is not None
    assert (entry.slides.patient, entry.slides.slide) == ("patient", "slide")


def test_patients_that_somebody_filled_in_stay(tmp_path) -> None:
    write_index(tmp_path, "m", 512, [done(tmp_path, "A")])
    assert source(tmp_path).slides is None
    text = (tmp_path / "slides.csv").read_text(encoding="utf-8")
    (tmp_path / "slides.csv").write_text(text.replace("A,,3", "A,P1,3"), encoding="utf-8")
    write_index(tmp_path, "m", 512, [done(tmp_path, "A", tiles=4)])
    assert (rows(tmp_path)[0]["patient"], rows(tmp_path)[0]["tiles"]) == ("P1", "4")
    assert source(tmp_path).slides is not None


def test_slides_of_earlier_runs_stay_with_their_bags(tmp_path) -> None:
    write_index(tmp_path, "m", 512, [done(tmp_path, "A"), done(tmp_path, "B")])
    (tmp_path / "B.h5").unlink()
    write_index(tmp_path, "m", 512, [done(tmp_path, "C")])
    assert [row["slide"] for row in rows(tmp_path)] == ["A", "C"]

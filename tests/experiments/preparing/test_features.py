from __future__ import annotations

import csv
import errno
import json
from collections.abc import Iterator
from pathlib import Path

import h5py
import pytest
import yaml

from data_modules.wsi.rows import Rows
from experiments.attempts import LostClusterError
from experiments.benchmarks.pyramid import write_pyramid
from experiments.prepare import main
from experiments.run import main as run_main

pytestmark = pytest.mark.usefixtures("mean_colours")
PLAIN = ("--stain", "none", "--tissue", "none")
DX1 = "TCGA-A2-A0T0-01Z-00-DX1.x"


def features(slides: Path, out: Path, *flags: str) -> int:
    return main(["features", "--slides", str(slides), "--out", str(out), *PLAIN, *flags])


def rows(path: Path, mark: str) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter=mark))


def test_a_bad_slide_is_quarantined_and_the_rest_is_done(slides, tmp_path, capsys) -> None:
    out = tmp_path / "out"
    assert features(slides, out) == 2
    assert sorted(p.name for p in out.iterdir()) == [
        "P2.h5", f"{DX1}.h5", "features.yaml", "overviews", "quarantine.tsv", "recipe.json",
        "slides.csv",
    ]  # fmt: skip
    assert sorted(p.name for p in (out / "overviews").iterdir()) == ["P2.png", f"{DX1}.png"]
    (refused,) = rows(out / "quarantine.tsv", "\t")
    assert refused["slide"] == "empty"
    assert refused["reason"]
    patients = {row["slide"]: row["patient"] for row in rows(out / "slides.csv", ",")}
    assert patients == {DX1: "TCGA-A2-A0T0", "P2": ""}
    entry = yaml.safe_load((out / "features.yaml").read_text(encoding="utf-8"))["features"]
    assert entry == {"maxvit": {"format": "bags", "path": str(out), "width": 3}}
    told = capsys.readouterr().out
    assert "2 slides written, 0 were there already, 1 refused; 18 tiles" in told
    assert "tiles/s" in told
    assert f"{slides / 'empty.svs'}: " in told


def test_a_second_run_does_what_is_left(slides, tmp_path, capsys) -> None:
    out = tmp_path / "out"
    features(slides, out)
    before = {name: (out / f"{name}.h5").stat().st_mtime_ns for name in ("P2", DX1)}
    (out / "P2.h5").unlink()
    (slides / "empty.svs").unlink()
    assert features(slides, out) == 0
    told = capsys.readouterr().out
    assert "1 slides written, 1 were there already, 0 refused" in told
    assert (out / f"{DX1}.h5").stat().st_mtime_ns == before[DX1]
    assert not (out / "quarantine.tsv").exists()


def test_a_folder_holds_features_of_one_making(slides, tmp_path, capsys) -> None:
    out = tmp_path / "out"
    features(slides, out)
    assert features(slides, out, "--tile-mpp", "0.5", "--encoder", "resnet50") == 2
    told = capsys.readouterr().err
    assert "column tile_mpp: was 0.25, is now 0.5" in told
    assert "column encoder: was 'maxvit', is now 'resnet50'" in told
    assert "choose another --out" in told
    assert features(slides, out, "--batch_size", "3", "--workers", "0") == 2


def test_the_scale_of_slides_without_one_is_given_to_the_same_folder(slides, tmp_path) -> None:
    """As the reason in the quarantine says; slides that have a scale are not done again."""
    out = tmp_path / "out"
    (slides / "empty.svs").unlink()
    write_pyramid(slides / "odd.svs", 400, mpp=352, downsamples=(1, 4))
    assert features(slides, out) == 2
    (refused,) = rows(out / "quarantine.tsv", "\t")
    assert "give it with --mpp" in refused["reason"]
    assert (out / "overviews" / "odd.png").is_file()
    before = (out / "P2.h5").stat().st_mtime_ns
    assert features(slides, out, "--mpp", "0.25") == 0
    assert (out / "P2.h5").stat().st_mtime_ns == before
    told = {row["slide"]: row for row in rows(out / "slides.csv", ",")}
    assert (told["P2"]["mpp"], told["odd"]["mpp"]) == ("0.5", "0.25")
    assert "352 × 352 µm per pixel cannot be: --mpp 0.25 is taken" in told["odd"]["notes"]
    with h5py.File(out / "odd.h5") as odd, h5py.File(out / "P2.h5") as good:
        assert odd.attrs["mpp_given"] == 0.25
        assert "mpp_given" not in good.attrs


@pytest.mark.parametrize("mark", ["-", "_"])
def test_words_of_flags_are_joined_either_way(slides, tmp_path, mark) -> None:
    flags = [f"--random{mark}weights", f"--min{mark}region", "0.1", f"--batch{mark}size", "2"]
    assert features(slides / "P2.svs", tmp_path / "out", *flags) == 0
    made = json.loads((tmp_path / "out" / "recipe.json").read_text(encoding="utf-8"))
    assert (made["random_weights"], made["min_region"]) == (1, 0.1)


def test_everything_wrong_is_told_at_once_and_nothing_written(slides, tmp_path, capsys) -> None:
    out = tmp_path / "out"
    flags = ["--batch_size", "0", "--min_tissue", "7", "--mpp", "352", "--resources", "GPU"]
    assert features(slides, out, *flags, "--include", "Tumor", "--coords", "nowhere") == 2
    told = capsys.readouterr().err
    for message in (
        "--batch_size: 0 is less than 1", "--min_tissue: 7 is no share", "--mpp: 352 is no µm",
        "--resources: 'GPU' is no NAME=AMOUNT", "give --cluster as well",
        "--include: names annotated classes", "nowhere: the folder does not exist",
    ):  # fmt: skip
        assert message in told
    assert not out.exists()


def test_a_cluster_that_is_none_is_told_before_anything_is_written(
    slides, tmp_path, capsys
) -> None:
    out = tmp_path / "out"
    assert features(slides, out, "--cluster", "cloud") == 2
    assert "'cloud' is no cluster" in capsys.readouterr().err
    assert not out.exists()


def test_a_full_disk_ends_the_run(slides, tmp_path, capsys, monkeypatch) -> None:
    def full(self, rows) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Rows, "add", full)
    assert features(slides, tmp_path / "out") == 2
    assert "No space left on device; free some space, and run again" in capsys.readouterr().err
    assert not (tmp_path / "out" / "quarantine.tsv").exists()
    monkeypatch.undo()


def test_ctrl_c_says_how_to_go_on(slides, tmp_path, capsys, monkeypatch) -> None:
    def stop(self, rows) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Rows, "add", stop)
    assert features(slides, tmp_path / "out") == 130
    assert "run the same command again to go on" in capsys.readouterr().out


def test_a_scheduler_that_is_lost_says_how_to_go_on(slides, tmp_path, capsys, monkeypatch) -> None:
    def lost(*given: object, **how: object) -> Iterator[tuple[int, object]]:
        raise LostClusterError("the scheduler of tcp://host:8786 is lost")
        yield

    monkeypatch.setattr("experiments.fan_out.fan_out", lost)
    assert features(slides, tmp_path / "out") == 1
    assert "is lost; what is done is kept: run again to go on" in capsys.readouterr().out


def test_a_bag_whose_slide_is_now_refused_is_named(slides, tmp_path) -> None:
    out = tmp_path / "out"
    features(slides, out)
    (slides / "P2.svs").write_bytes(b"")
    assert features(slides, out) == 2
    reasons = {row["slide"]: row["reason"] for row in rows(out / "quarantine.tsv", "\t")}
    assert "the bag of an earlier slide is still there" in reasons["P2"]
    assert "still there" not in reasons["empty"]


def test_tiles_follow_the_annotation(slides, tmp_path) -> None:
    notes = tmp_path / "annotations"
    notes.mkdir()
    ring = [[0, 0], [224, 0], [224, 112], [0, 112], [0, 0]]
    feature = {
        "type": "Feature", "geometry": {"type": "Polygon", "coordinates": [ring]},
        "properties": {"classification": {"name": "Tumor"}},
    }  # fmt: skip
    (notes / "P2.geojson").write_text(json.dumps([feature]))
    (notes / "nobody.geojson").write_text("[]")
    out = tmp_path / "out"
    flags = ["--annotations", str(notes), "--include", "Tumor"]
    assert features(slides, out, *flags) == 2
    with h5py.File(out / "P2.h5") as file:
        assert file["coords"][:].tolist() == [[0, 0], [112, 0]]
    reasons = {row["slide"]: row["reason"] for row in rows(out / "quarantine.tsv", "\t")}
    assert "has no annotation, and --include asks for its classes" in reasons[DX1]


COHORT = """
name: made up
patients: {path: patients.csv, id: patient}
endpoints:
  OS: {time: days, unit: days, event: died, codes: {1: true, 0: false}}
"""


def test_a_run_reads_the_bags_and_says_that_weights_were_random(slides, tmp_path, capsys) -> None:
    (slides / "empty.svs").unlink()
    good = (slides / "P2.svs").read_bytes()
    (slides / "P2.svs").unlink()
    (slides / f"{DX1}.svs").unlink()
    rows = ["patient,days,died"]
    for i in range(12):
        (slides / f"TCGA-A1-A0{i:02d}-01Z-00-DX1.x.svs").write_bytes(good)
        rows.append(f"TCGA-A1-A0{i:02d},{100 + 37 * i},{int(i % 3 > 0)}")
    assert features(slides, tmp_path / "out", "--random_weights") == 0
    (tmp_path / "patients.csv").write_text("\n".join(rows) + "\n")
    lines = (tmp_path / "out" / "features.yaml").read_text(encoding="utf-8")
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
    assert "the features of 12 slides come from an encoder with random weights" in told
    assert (tmp_path / "run" / "predictions.csv").is_file()

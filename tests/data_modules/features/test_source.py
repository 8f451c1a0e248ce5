from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest
import torch

from data_modules.features import scan, write_bag
from data_modules.features.check import Rules
from data_modules.features.source import BagSource
from data_modules.problems import BadInput, Problems


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("P01,x,1,", "P00,x,1,", "row 3, column patient: patient 'P00' has two rows"),
        ("P01,x,1,", "P01,x,,", "row 3, column a: a feature is missing"),
        ("P01,x,1,", "P01,x,inf,", "row 3, column a: 'inf' is not a finite number"),
        ("P01,x,1,", "P01,x,big,", "row 3, column a: 'big' is not a finite number"),
        ("P01,x,1,", ",x,1,", "row 3, column patient: the identifier is missing"),
        ("note", "remark", "column note: no such column"),
        ("patient,", "patients,", "column patient: no such column, named by features; did you me"),
    ],
)
def test_bad_feature_tables_are_refused(load, edit, old, new, message) -> None:
    edit("hif.csv", old, new)
    with pytest.raises(BadInput) as error:
        load(encoder="hif")
    assert message in str(error.value)


def test_a_table_of_another_width_is_refused(load) -> None:
    entry = {"format": "table", "path": "hif.csv", "id": "patient", "drop": ["note"], "width": 9}
    with pytest.raises(BadInput, match="2 feature columns, the manifest declares width 9"):
        load(features={"enc": entry})


def _with_slides(folder, text: str) -> dict:
    (folder / "slides.csv").write_text("case,slide\n" + text)
    entry = {"format": "bags", "path": "enc", "width": 4,
             "slides": {"path": "slides.csv", "patient": "case", "slide": "slide"}}  # fmt: skip
    return {"features": {"enc": entry}}


def test_a_slide_table_decides_whose_slide_it_is(load, folder) -> None:
    cohort = load(**_with_slides(folder, "P03,P00-DX1\nP03,P05-DX1.h5\nZ,P06-DX1\n"))
    assert cohort.features.patients() == {"P03"}
    assert cohort.features.read("P03").slide.tolist() == [0, 0, 0, 1, 1, 1, 1]
    assert any("Z" in note and "not in the patient table" in note for note in cohort.notes)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("P01,P01-DX1\nP02,P01-DX1\n", "row 3, column slide: slide 'P01-DX1' is listed twice"),
        (
            "P01,P01-DX1\nP02,P01-DX1.h5\n",
            "row 3, column slide: slide 'P01-DX1' is listed twice for 'P01' and 'P02'",
        ),
        (",P01-DX1\nP02,P02-DX1\n", "row 2, column case: slide 'P01-DX1' has no patient"),
        ("P01,P77-DX1\n", "P77-DX1.h5: the file does not exist"),
    ],
)
def test_bad_slide_tables_are_refused(load, folder, text, message) -> None:
    with pytest.raises(BadInput) as error:
        load(**_with_slides(folder, text))
    assert message in str(error.value)


def test_a_slide_table_without_its_columns_is_refused(load, folder) -> None:
    replaced = _with_slides(folder, "P01,P01-DX1\n")
    (folder / "slides.csv").write_text("patient,slide\nP01,P01-DX1\n")
    with pytest.raises(BadInput, match="column case: no such column"):
        load(**replaced)


def test_a_slide_is_a_stranger_once_under_the_name_of_its_patient(load, folder) -> None:
    cohort = load(**_with_slides(folder, "P03,P00-DX1\nZ,P06-DX1\n,\n"))
    (note,) = (note for note in cohort.notes if note.startswith("features of"))
    assert note.startswith("features of 20 not in the patient table: Z, P00-DX2.h5")
    assert "P06-DX1" not in note


def test_many_missing_slides_do_not_bury_the_rest_of_the_report(load, folder, edit) -> None:
    edit("clinical.csv", "P01,LumA,4,", "P01,LumA,-4,")
    for i in range(2, 20):
        (folder / "enc" / f"P{i:02d}-DX1.h5").write_bytes(b"no bag")
    with pytest.raises(BadInput) as error:
        load()
    report = str(error.value)
    assert report.startswith("19 problems with the input:")
    assert "the time -4 is not positive" in report
    assert "enc: 10 more files like these" in report
    assert len(report.splitlines()) == 1 + 1 + 8 + 1


def test_a_table_without_features_is_refused(load, folder) -> None:
    (folder / "hif.csv").write_text("patient,note\nP01,x\n")
    with pytest.raises(BadInput, match=r"hif\.csv: the table has no feature columns"):
        load(encoder="hif")


def _bags(**keys) -> dict:
    return {"features": {"enc": {"format": "bags", "path": "enc", **keys}}}


def test_the_width_is_that_of_the_files_unless_it_is_declared(load, folder) -> None:
    assert load(**_bags()).features.width == 4
    write_bag(folder / "enc" / "P07-DX2.h5", np.ones((1, 5)), np.zeros((1, 2), int), {})
    with pytest.raises(BadInput, match="features are 5 wide, those of 21 other files 4"):
        load(**_bags())


def test_any_mixture_of_formats_is_one_cohort(load, folder) -> None:
    before = load(**_bags())
    path = folder / "enc" / "P03-DX1.h5"
    bag = before.features.read("P03")
    torch.save({"features": bag.features, "coords": bag.coords}, path.with_suffix(".pt"))
    with pytest.raises(BadInput, match=r"stored as P03-DX1\.h5 and P03-DX1\.pt: keep one of them"):
        load(**_bags())
    path.unlink()
    after = load(**_bags())
    assert after.features.read("P03").features.tolist() == bag.features.tolist()
    assert after.data_hash == before.data_hash


def test_micrometres_need_the_mpp_of_their_slide(load, folder) -> None:
    with h5py.File(folder / "enc" / "P03-DX1.h5", "w") as file:
        file["feats"], file["coords"] = np.ones((2, 4), "f2"), np.array([[0.0, 256], [512, 0]])
        file.attrs.update({"unit": "um", "tile_size_um": 256.0})
    with pytest.raises(BadInput, match=r"P03-DX1\.h5: coords are in µm: give `mpp`"):
        load(**_bags())
    places = [[0, 1024], [2048, 0]]
    assert load(**_bags(mpp=0.25)).features.read("P03").coords.tolist() == places
    slides = {"path": "slides.csv", "patient": "case", "slide": "slide", "mpp": "mpp"}
    (folder / "slides.csv").write_text("case,slide,mpp\nP03,P03-DX1,0.5\nP01,P01-DX1,\n")
    cohort = load(**_bags(slides=slides))
    assert cohort.features.read("P03").coords.tolist() == [[0, 512], [1024, 0]]
    assert cohort.features.read("P03").features.dtype == torch.float16
    (folder / "slides.csv").write_text("case,slide,mpp\nP03,P03-DX1,500\nP01,P01-DX1,x\n")
    with pytest.raises(BadInput) as error:
        load(**_bags(slides=slides))
    assert "row 2, column mpp: 500 is no mpp: µm per px at level 0" in str(error.value)
    assert "row 3, column mpp: 'x' is not an mpp" in str(error.value)


def test_places_can_be_ignored(load) -> None:
    placed, ignored = load(**_bags()), load(**_bags(coords="ignore"))
    assert ignored.features.read("P00").coords.unique().tolist() == [0]
    assert ignored.features.read("P00").features.equal(placed.features.read("P00").features)
    assert ignored.data_hash != placed.data_hash


def test_a_run_reads_every_file_once_and_remembers(load, folder, tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("MMSURV_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(scan, "YOUNG_NS", -(10**18))
    before = load(**_bags())
    monkeypatch.setattr(scan, "inspect", lambda path: pytest.fail(f"{path} was remembered"))
    assert load(**_bags()).data_hash == before.data_hash


def test_progress_counts_the_files_of_the_cohort(load) -> None:
    seen: list[tuple[int, int]] = []
    files = {f"P{i}": (Path(f"P{i}.h5"),) for i in range(3)}
    source = BagSource(files, Path(), Rules(), {}, ())
    source.load(["P0", "P2"], Problems(), lambda done, total: seen.append((done, total)))
    assert seen == [(1, 2), (2, 2)]

from __future__ import annotations

import json
import os
from dataclasses import asdict

import h5py
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from data_modules.features.report import duplicates, inspect, state
from data_modules.features.write import write_bag

FEATURES = np.arange(12, dtype=np.float32).reshape(3, 4) + 1
COORDS = np.array([[0, 224], [224, 0], [448, 224]])


def test_what_is_wrong_with_the_values_is_counted(tmp_path) -> None:
    features = FEATURES.copy()
    features[1] = 0
    features[2] = [np.nan, np.inf, -np.inf, 1]
    write_bag(tmp_path / "P.h5", features, COORDS, {"encoder": "uni"})
    report = inspect(tmp_path / "P.h5")
    assert (report.nan, report.infinite, report.zero_patches) == (1, 2, 1)
    assert report.first_bad == (2, 0, "nan")
    assert (report.patches, report.width, report.layout) == (3, 4, "mmsurv h5")
    assert report.provenance.encoder == "uni"
    assert not report.problem
    json.dumps({**asdict(report), "path": ""})


def test_nan_of_every_kind_is_counted_without_a_warning(tmp_path) -> None:
    bits = np.array([[0x7F800001, 0xFFC00000], [0x7FC12345, 0]], dtype=np.uint32)
    write_bag(tmp_path / "P.h5", bits.view(np.float32), COORDS[:2], {})
    assert inspect(tmp_path / "P.h5").nan == 3


def test_digests_see_values_and_not_formats(tmp_path, coords, make_features, ways) -> None:
    paths = {
        name: ways[name].write(tmp_path / name.replace(" ", ""), make_features("f4"), coords)
        for name in ("own", "trident", "safetensors", "pt dict", "pt bare")
    }
    reports = {name: inspect(path) for name, path in paths.items()}
    assert len({report.features_digest for report in reports.values()}) == 1
    placed = [report.digest for name, report in reports.items() if name != "pt bare"]
    assert len(set(placed)) == 1
    assert reports["pt bare"].digest not in placed


def test_slides_that_are_one_are_found(tmp_path) -> None:
    for name, features in (("A", FEATURES), ("B", FEATURES + 1), ("C", FEATURES)):
        write_bag(tmp_path / f"{name}.h5", features, COORDS + len(name), {})
    (tmp_path / "D.h5").write_bytes(b"")
    (tmp_path / "E.h5").write_bytes(b"")
    ((one, other),) = duplicates(inspect(path) for path in sorted(tmp_path.iterdir()))
    assert (one.path.stem, other.path.stem) == ("A", "C")


@pytest.mark.parametrize(
    ("coords", "told"),
    [
        (COORDS + 0.5, "coords are no whole numbers, so that they are no level-0 px"),
        (COORDS * 1e300, "coords are larger than any slide"),
        (np.full((3, 2), np.inf), "coords are NaN or infinite"),
        (np.zeros((3, 4)), "coords must be (3, 2) as the features, found shape (3, 4)"),
        (np.full((3, 2), b"x"), "coords must be level-0 pixels, found |S1"),
        (COORDS.astype(float), ""),
        (COORDS[None], ""),
    ],
)
def test_coordinates_that_are_no_places_are_told(tmp_path, coords, told) -> None:
    with h5py.File(tmp_path / "P.h5", "w") as file:
        file["features"], file["coords"] = FEATURES, coords
    report = inspect(tmp_path / "P.h5")
    assert report.problem == ""
    assert report.coords_problem.startswith(told)
    assert bool(report.coords_problem) == bool(told)


def test_the_state_of_a_folder_sees_every_file_in_it(tmp_path) -> None:
    folder = tmp_path / "P.zarr"
    (folder / "c").mkdir(parents=True)
    (folder / "c" / "0").write_bytes(b"12")
    before = state(folder)
    assert before[0] == 2
    os.utime(folder / "c" / "0", ns=(0, before[1] + 5))
    assert state(folder) == (2, before[1] + 5)
    (folder / "c" / "0").write_bytes(b"123")
    assert state(folder)[0] == 3


def test_a_file_that_is_not_there_is_told(tmp_path) -> None:
    assert inspect(tmp_path / "P.h5").problem == "the file does not exist"


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    cut=st.none() | st.floats(0, 0.999),
    flips=st.lists(st.tuples(st.floats(0, 0.999), st.integers(1, 255)), max_size=4),
)
def test_broken_bytes_are_read_or_refused_and_never_more(
    tmp_path, way, coords, make_features, cut, flips
) -> None:
    whole = way.write(tmp_path / "P", make_features("f4"), coords)
    files = [whole] if whole.is_file() else [path for path in whole.rglob("*") if path.is_file()]
    target = files[int(flips[0][0] * len(files))] if flips else files[-1]
    intact = inspect(whole)
    content = bytearray(target.read_bytes())
    for place, flip in flips:
        content[int(place * len(content))] ^= flip
    target.write_bytes(content if cut is None else content[: int(cut * len(content))])
    report = inspect(whole)
    if report.problem:
        return
    assert report.patches > 0
    assert report.width > 0
    # What was cut off is missed; a bit that turned within a value cannot be seen.
    if not flips:
        assert report.digest == intact.digest

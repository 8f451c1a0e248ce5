from __future__ import annotations

import json
import os
import time
from pathlib import Path

import numpy as np
import pytest

from data_modules.features import scan as module
from data_modules.features.scan import ScanCache, cache_folder, scan
from data_modules.features.write import write_bag

COORDS = np.zeros((3, 2), int)


def _aged(path) -> None:
    """As a file that was not written this very moment."""
    past = time.time_ns() - 10**10
    os.utime(path, ns=(past, past))


@pytest.fixture
def bags(tmp_path) -> list[Path]:
    """Five slides, not written just now."""
    folder = tmp_path / "bags"
    folder.mkdir()
    paths = [folder / f"P{i}.h5" for i in range(5)]
    for i, path in enumerate(paths):
        write_bag(path, np.full((3, 4), i, dtype=np.float32), COORDS, {"encoder": "uni"})
        _aged(path)
    return paths


@pytest.fixture
def inspected(monkeypatch) -> list[str]:
    """Names of the files that were read through."""
    names: list[str] = []
    inspect = module.inspect
    monkeypatch.setattr(module, "inspect", lambda path: names.append(path.stem) or inspect(path))
    return names


def test_a_second_scan_reads_nothing_and_says_the_same(tmp_path, bags, inspected) -> None:
    seen: list[tuple[int, int]] = []
    first = list(scan(bags, tmp_path / "cache", lambda done, total: seen.append((done, total))))
    second = list(scan(bags, tmp_path / "cache"))
    assert inspected == ["P0", "P1", "P2", "P3", "P4"]
    assert second == first
    assert seen == [(i, 5) for i in range(1, 6)]


def test_every_format_is_remembered_as_it_was_found(
    tmp_path, way, coords, make_features, monkeypatch
) -> None:
    monkeypatch.setattr(module, "YOUNG_NS", -(10**18))
    path = way.write(tmp_path / "P", make_features("f2"), coords)
    (first,) = scan([path], tmp_path / "cache")
    monkeypatch.setattr(module, "inspect", lambda path: pytest.fail("it was remembered"))
    assert list(scan([path], tmp_path / "cache")) == [first]


def test_changed_files_are_read_again(tmp_path, bags, inspected) -> None:
    list(scan(bags, tmp_path / "cache"))
    write_bag(bags[1], np.full((3, 4), 9, dtype=np.float32), COORDS, {"encoder": "uni"})
    _aged(bags[1])
    os.utime(bags[1], ns=(1, 1))
    bags[3].unlink()
    reports = list(scan(bags, tmp_path / "cache"))
    assert inspected[5:] == ["P1", "P3"]
    assert reports[3].problem == "the file does not exist"


def test_a_killed_scan_goes_on_where_it_was(tmp_path, bags, inspected) -> None:
    running = scan(bags, tmp_path / "cache")
    for _ in range(3):
        next(running)
    (cache,) = (tmp_path / "cache").rglob("*.jsonl")
    cache.write_bytes(cache.read_bytes()[:-20])
    assert len(list(scan(bags, tmp_path / "cache"))) == 5
    assert inspected == ["P0", "P1", "P2", "P2", "P3", "P4"]
    list(scan(bags, tmp_path / "cache"))
    assert len(inspected) == 6


def test_lines_of_other_versions_and_nonsense_are_passed_over(tmp_path, bags, inspected) -> None:
    list(scan(bags, tmp_path / "cache"))
    (cache,) = (tmp_path / "cache").rglob("*.jsonl")
    lines = [json.loads(line) for line in cache.read_text().splitlines() if line]
    lines[0]["version"] = 0
    lines[1]["features"] = [1]
    del lines[2]["provenance"]
    cache.write_text("\n".join(["[]", "3", "\x00", *map(json.dumps, lines)]))
    list(scan(bags, tmp_path / "cache"))
    assert inspected[5:] == ["P0", "P1", "P2"]


def test_what_could_not_be_read_is_tried_again(tmp_path, bags, inspected) -> None:
    bags[0].write_bytes(b"nothing")
    _aged(bags[0])
    for _ in range(2):
        (report,) = scan(bags[:1], tmp_path / "cache")
        assert "cannot be read as HDF5" in report.problem
    assert inspected == ["P0", "P0"]


def test_a_file_of_this_moment_is_not_trusted_to_stay(tmp_path, bags, inspected) -> None:
    os.utime(bags[0])
    list(scan(bags[:1], tmp_path / "cache"))
    list(scan(bags[:1], tmp_path / "cache"))
    assert inspected == ["P0", "P0"]


@pytest.mark.parametrize("home", [None, os.devnull])
def test_without_a_cache_everything_is_read(tmp_path, bags, inspected, home) -> None:
    home = None if home is None else Path(home)
    for _ in range(2):
        assert len(list(scan(bags, home))) == 5
    assert len(inspected) == 10


def test_folders_do_not_share_a_cache(tmp_path, bags) -> None:
    one, other = (ScanCache(tmp_path, tmp_path / name).file for name in ("a", "b"))
    assert one != other


def test_the_cache_lies_where_the_environment_says(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("MMSURV_CACHE", str(tmp_path))
    assert cache_folder() == tmp_path
    monkeypatch.delenv("MMSURV_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "x"))
    assert cache_folder() == tmp_path / "x" / "mmsurv"
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert cache_folder() == tmp_path / ".cache" / "mmsurv"

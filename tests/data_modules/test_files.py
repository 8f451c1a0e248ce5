from __future__ import annotations

import pytest

from data_modules.files import copy_aside, write_aside


def test_an_error_leaves_the_old_file_and_nothing_beside_it(tmp_path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("old")

    def write_half() -> None:
        with write_aside(path) as aside:
            aside.write_text("half")
            assert path.read_text() == "old"
            raise RuntimeError

    with pytest.raises(RuntimeError):
        write_half()
    assert path.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["a.txt"]


def test_success_replaces_it(tmp_path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("old")
    with write_aside(path) as aside:
        aside.write_text("new")
    assert path.read_text() == "new"


def test_a_copy_that_fails_leaves_the_old_file(tmp_path) -> None:
    source, path = tmp_path / "a.txt", tmp_path / "b.txt"
    path.write_text("old")
    with pytest.raises(FileNotFoundError):
        copy_aside(source, path)
    assert path.read_text() == "old"
    source.write_text("new")
    copy_aside(source, path)
    assert path.read_text() == "new"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.txt", "b.txt"]

from __future__ import annotations

from collections.abc import Callable

import pytest

from data_modules.features.slides import by_name, slides_of
from data_modules.problems import Problems


@pytest.fixture
def owners(tmp_path) -> Callable[..., dict[str, list[str]]]:
    """`owners(names, patients, table)`: slides of every patient in a folder of these files."""

    def find(names, patients, table=None) -> dict[str, list[str]]:
        for name in names:
            (tmp_path / name).touch()
        problems = Problems()
        found = slides_of(by_name(tmp_path, problems), tmp_path, patients, table)
        problems.raise_if_any()
        return {patient: [path.name for path in paths] for patient, paths in found.items()}

    return find


def test_files_find_their_patients_by_name(owners) -> None:
    names = ("P1-DX1.h5", "P1-DX2.pt", "P10.slide.zarr", "P2_a.safetensors", "P3.h5", "X.h5")
    assert owners(names, ["P1", "P10", "P2", "P3", "P4"]) == {
        "P1": ["P1-DX1.h5", "P1-DX2.pt"],
        "P10": ["P10.slide.zarr"],
        "P2": ["P2_a.safetensors"],
        "P3": ["P3.h5"],
    }


def test_a_table_names_slides_whatever_their_ending(owners) -> None:
    table = {"P4": ("X", "P3"), "Q": ("P1-DX1",), "P1": ("gone",)}
    assert owners(("X.pt", "P3.h5", "P1-DX1.h5"), ["P1", "P4"], table) == {
        "P4": ["P3.h5", "X.pt"],
        "P1": ["gone.h5"],
    }


def test_a_slide_belongs_to_one_patient_only(owners) -> None:
    assert owners(("P1-DX1.h5", "P1-2-DX1.h5", "P1-2.h5"), ["P1", "P1-2"]) == {
        "P1": ["P1-DX1.h5"],
        "P1-2": ["P1-2.h5", "P1-2-DX1.h5"],
    }


def test_the_order_of_a_slide_table_does_not_matter(owners) -> None:
    names = ("a.h5", "b.h5", "c.h5")
    assert owners(names, ["P"], {"P": ("b", "a", "c")}) == {"P": list(names)}
    assert owners(names, ["P"], {"P": ("c", "b", "a")}) == {"P": list(names)}


def test_hidden_and_foreign_files_are_left_out(owners) -> None:
    names = (".P1.h5.partial", "._P1.h5", "P1.h5", "P1.txt", "P1-log.json")
    assert owners(names, ["P1"]) == {"P1": ["P1.h5"]}


def test_a_slide_under_two_endings_is_a_problem(tmp_path) -> None:
    for name in ("P1.h5", "P1.pt", "P2.h5"):
        (tmp_path / name).touch()
    problems = Problems()
    by_name(tmp_path, problems)
    assert [problem.message for problem in problems.found] == [
        "the slide is stored as P1.h5 and P1.pt: keep one of them"
    ]


def test_a_folder_of_folders_is_told_which_to_name(tmp_path) -> None:
    for name in ("h5_files", "pt_files", "logs"):
        (tmp_path / name).mkdir()
    (tmp_path / "h5_files" / "P1.h5").touch()
    (tmp_path / "pt_files" / "P1.pt").touch()
    problems = Problems()
    assert by_name(tmp_path, problems) == {}
    assert "its folders ['h5_files', 'pt_files'] have" in problems.found[0].message

from __future__ import annotations

import pandas as pd
import pytest

from data_modules.problems import Problems
from data_modules.split_files import read_split

PATIENTS = pd.Index([f"P{i}" for i in range(6)])


def _read(path) -> tuple[list[int], list[str], str]:
    problems = Problems()
    fold, notes = read_split(path, PATIENTS, problems)
    return fold.tolist(), notes, " ".join(map(str, problems.found))


def _table(path, rows: list[str], header: str = "patient_id,fold"):  # noqa: ANN202
    path.write_text("\n".join([header, *rows]) + "\n")
    return path


def test_a_table_of_folds_in_any_order_and_with_any_names(tmp_path) -> None:
    rows = [f"P{i},{('10', '2', '1')[i % 3]}" for i in range(6)]
    fold, notes, found = _read(_table(tmp_path / "f.csv", rows))
    assert fold == [2, 1, 0, 2, 1, 0]  # 1, 2, 10
    assert notes == []
    assert found == ""


@pytest.mark.parametrize("column", ["test", "val"])
def test_a_folder_of_split_files(tmp_path, column) -> None:
    for k in (0, 1, 2):
        held, rest = [f"P{2 * k}", f"P{2 * k + 1}"], [f"P{i}" for i in range(6) if i // 2 != k]
        other = "val" if column == "test" else "test"
        table = {"train": pd.Series(rest), column: pd.Series(held)}
        if column == "test":
            table[other] = pd.Series(rest[:1])
        pd.DataFrame(table).to_csv(tmp_path / f"splits_{k}.csv")
    (tmp_path / "splits_0_bool.csv").write_text("nothing,of,this\n")
    fold, _, found = _read(tmp_path)
    assert fold == [0, 0, 1, 1, 2, 2]
    assert found == ""


def test_whoever_is_not_in_the_cohort_is_told(tmp_path) -> None:
    rows = [*(f"P{i},{i % 2}" for i in range(6)), "Q1,0"]
    _, notes, found = _read(_table(tmp_path / "f.csv", rows))
    assert notes == ["1 patients of the split are not in the cohort: Q1"]
    assert found == ""


@pytest.mark.parametrize(
    ("rows", "header", "words"),
    [
        ([f"P{i},{i % 2}" for i in range(5)] + ["P5x,1"], "patient_id,fold",
         "1 patients of the cohort are in no fold: P5; did you mean P5x?"),
        ([f"P{i},{i % 2}" for i in range(6)] + ["P0,1"], "patient_id,fold",
         "patient 'P0' is held out twice"),
        ([f"P{i},0" for i in range(6)], "patient_id,fold", "at least two folds"),
        (["P0,1"], "patient_id,part", "no column fold"),
        (["P0,1"], "who,fold", "no column patient_id or case_id"),
        (["P0,"], "patient_id,fold", "row 2: patient or fold is missing"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused(tmp_path, rows, header, words) -> None:
    assert words in _read(_table(tmp_path / "f.csv", rows, header))[2]


def test_a_folder_without_splits_is_refused(tmp_path) -> None:
    assert "holds no split files" in _read(tmp_path)[2]
    _table(tmp_path / "splits_0.csv", ["P0"], "train")
    assert "no column test or val" in _read(tmp_path)[2]


@pytest.mark.real
def test_a_real_table_of_slides_is_no_split(real_data) -> None:
    path = real_data / "tcga_brca" / "raw" / "slides" / "survpath_tcga_brca.csv"
    assert "no column fold" in _read(path)[2]

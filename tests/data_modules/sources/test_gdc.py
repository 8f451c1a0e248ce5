from __future__ import annotations

import pandas as pd
import pytest

from data_modules.problems import Problems
from data_modules.sources import FORMATS, read_table
from data_modules.sources.gdc import add_survival_days

HEADER = ["case_id", "submitter_id", "vital_status", "days_to_death", "days_to_last_follow_up"]
ROWS = [
    ["a", "P1", "Dead", "9", "5"],
    ["b", "P2", "Alive", "'--", "7"],
    ["c", "P3", "Not Reported", "'--", "'--"],
    ["d", "P4", "dead", "'--", "3"],
]


def _write(path, header: list[str]) -> None:
    path.write_bytes(("\r\n".join("\t".join(cells) for cells in [header, *ROWS]) + "\r\n").encode())


def _read(path) -> pd.DataFrame:
    problems = Problems()
    table = read_table(path, problems, FORMATS["gdc"])
    assert not problems.found
    return table


def test_survival_is_death_of_the_dead_and_follow_up_of_the_others(tmp_path) -> None:
    _write(tmp_path / "clinical.tsv", HEADER)
    table = _read(tmp_path / "clinical.tsv")
    assert table["survival_days"].tolist() == ["9", "7", None, None]
    assert table["vital_status"].tolist() == ["Dead", "Alive", None, "dead"]
    assert table.index.tolist() == [2, 3, 4, 5]


def test_the_prefixes_of_newer_exports(tmp_path) -> None:
    newer = [
        "cases.case_id", "cases.submitter_id", "demographic.vital_status",
        "demographic.days_to_death", "diagnoses.days_to_last_follow_up",
    ]  # fmt: skip
    _write(tmp_path / "clinical.tsv", newer)
    table = _read(tmp_path / "clinical.tsv")
    assert table["survival_days"].tolist() == ["9", "7", None, None]
    assert [name for name in FORMATS["gdc"].id if name in table] == ["cases.submitter_id"]


@pytest.mark.parametrize("absent", HEADER[2:])
def test_without_its_columns_nothing_is_added(absent) -> None:
    table = pd.DataFrame(ROWS, columns=HEADER).drop(columns=absent)
    assert list(add_survival_days(table)) == list(table)


def test_a_column_of_that_name_is_kept() -> None:
    table = pd.DataFrame(ROWS, columns=HEADER).assign(survival_days="1")
    assert add_survival_days(table)["survival_days"].tolist() == ["1"] * 4


@pytest.mark.real
def test_the_days_of_the_real_export(real_data) -> None:
    table = _read(real_data / "tcga_brca/raw/gdc/clinical.tsv")
    dead = table["vital_status"].eq("dead")
    assert dead.sum() > 100
    assert table.loc[dead, "survival_days"].tolist() == table.loc[dead, "days_to_death"].tolist()
    alive = table["vital_status"].eq("alive")
    last = table.loc[alive, "days_to_last_follow_up"]
    assert table.loc[alive, "survival_days"].tolist() == last.tolist()

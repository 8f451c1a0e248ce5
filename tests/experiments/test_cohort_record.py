from __future__ import annotations

import pandas as pd
import pytest

from experiments.cohort_record import CohortRecord, read_cohort, record_of, write_cohort


@pytest.fixture
def read(cohort, tmp_path) -> CohortRecord | None:
    write_cohort(cohort, tmp_path)
    return read_cohort(tmp_path)


def test_what_was_written_is_read(cohort, read) -> None:
    written = record_of(cohort)
    assert read._replace(covariates=None) == written._replace(
        covariates=None, kinds={n: k | {"levels": list(k["levels"])} for n, k in read.kinds.items()}
    )
    pd.testing.assert_frame_equal(read.covariates, written.covariates, check_dtype=False)


def test_ordinal_variables_are_kept_as_their_levels(cohort, read) -> None:
    known = cohort.table["grade"].dropna()
    assert read.kinds["grade"]["levels"] == ["1", "2", "3"]
    assert read.covariates.loc[known.index, "grade"].tolist() == [f"{g:.0f}" for g in known]
    assert read.covariates["age"].dtype == float


def test_a_run_without_clinical_variables_keeps_them_for_its_report(run, tmp_path) -> None:
    assert run("--modalities", "genes") == 0
    record = read_cohort(tmp_path / "run")
    assert record is not None
    assert {"site", "subtype", "age", "grade", "size", "nodes"} == set(record.covariates.columns)
    assert record.flow[0] == ("in the patient table", 60)
    assert (record.name, record.endpoint, record.encoder) == ("toy", "OS", "")


def test_an_older_run_folder_has_no_record(tmp_path) -> None:
    assert read_cohort(tmp_path) is None

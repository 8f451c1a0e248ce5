from __future__ import annotations

from typing import get_args

import pytest

from data_modules.manifest import FormatName
from data_modules.problems import Problems
from data_modules.sources import FORMATS, read_table, to_number

# Original file, the format it is in, column of the patient, rows, patients.
ORIGINALS = [
    (
        "cbioportal_brca_tcga_legacy/brca_tcga_clinical_data.tsv",
        "cbioportal_download", "Patient ID", 1080, 1080,
    ),
    (
        "cbioportal_brca_tcga_legacy/data_clinical_patient.nohash.txt",
        "cbioportal", "PATIENT_ID", 1097, 1097,
    ),
    (
        "cbioportal_brca_tcga_legacy/data_clinical_sample.pub2015.txt",
        "cbioportal", "PATIENT_ID", 818, 817,
    ),
    (
        "cbioportal_brca_tcga_pan_can_atlas_2018/brca_tcga_pan_can_atlas_2018_clinical_data.tsv",
        "cbioportal_download", "Patient ID", 1084, 1084,
    ),
    (
        "cbioportal_brca_tcga_pan_can_atlas_2018/data_clinical_patient.txt",
        "cbioportal", "PATIENT_ID", 1084, 1084,
    ),
    (
        "cbioportal_brca_tcga_pan_can_atlas_2018/data_clinical_sample.254rows.txt",
        "cbioportal", "PATIENT_ID", 255, 255,
    ),
    ("gdc/clinical.tsv", "gdc", "submitter_id", 1084, 1084),
    ("tcga_cdr/phenotypes.tsv", "tcga_cdr", "bcr_patient_barcode", 1097, 1097),
    ("histology/BRCA_ClinicalRawData.tsv", "table", "Patient_ID", 1065, 1065),
    ("histology/TCGA_BRCA_histologic_features.tsv", "table", "Sample CLID", 1063, 1063),
    ("slides/porpoise_tcga_brca_slides.csv", "table", "case_id", 1022, 956),
    ("slides/survpath_tcga_brca.csv", "table", "case_id", 931, 871),
    ("slides/survpath_tcga_brca_clinical.csv", "table", "case_id", 1108, 1101),
    (
        "image_features/brca.HRD_Score.joined.HOLDOUT.csv",
        "table", "bcr_patient_barcode", 208, 208,
    ),
    ("image_features/BRCA.hif.clusters.csv", "table", "x", 607, 20),
]  # fmt: skip


def test_a_manifest_may_name_every_format_and_no_other() -> None:
    assert set(get_args(FormatName)) == set(FORMATS)


@pytest.mark.real
@pytest.mark.parametrize(
    ("name", "form", "identifier", "rows", "patients"), ORIGINALS, ids=[o[0] for o in ORIGINALS]
)
def test_every_original_file_reads_in_its_format_and_knows_its_lines(
    real_data, name, form, identifier, rows, patients
) -> None:
    path = real_data / "tcga_brca" / "raw" / name
    problems = Problems()
    table = read_table(path, problems, FORMATS[form])
    assert not problems.found
    assert len(table) == rows
    assert table[identifier].nunique() == patients
    assert not FORMATS[form].id or next(c for c in FORMATS[form].id if c in table) == identifier
    lines = path.read_text(encoding="utf-8").split("\n")
    assert all(patient in lines[row - 1] for row, patient in table[identifier].dropna().items())
    kinds = {type(cell) for column in table for cell in table[column]}
    assert kinds <= {str, type(None)}
    told = [
        candidate.name for candidate in FORMATS.values() if set(candidate.told_by) <= set(table)
    ]
    assert told[0] == form  # its columns tell the format


@pytest.mark.real
def test_no_original_file_is_left_out(real_data) -> None:
    raw = real_data / "tcga_brca" / "raw"
    found = {path.relative_to(raw).as_posix() for path in raw.rglob("*") if path.is_file()}
    assert found == {name for name, *_ in ORIGINALS}


@pytest.mark.real
def test_image_features_of_the_original_are_numbers(real_data) -> None:
    path = real_data / "tcga_brca/raw/image_features/brca.HRD_Score.joined.HOLDOUT.csv"
    problems = Problems()
    table = read_table(path, problems)
    for column in table.columns.drop("bcr_patient_barcode"):
        to_number(table[column], path, problems, name=column, what="a number")
    assert not problems.found

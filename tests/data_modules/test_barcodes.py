from __future__ import annotations

import pytest

from data_modules.barcodes import sample_kind


@pytest.mark.parametrize(
    ("sample", "kind"),
    [
        ("TCGA-A1-A0SB-01", "01"),
        ("TCGA-A1-A0SB-01A-11R-A144-07", "01"),
        ("TCGA-A1-A0SB-01Z-00-DX1.F6E9A5DF", "01"),
        ("TCGA-BH-A1ES-06", "06"),
        ("TCGA-BH-A0AU-11A", "11"),
        ("TCGA-A1-A0SB", ""),
        ("MB-0002-01", ""),
        ("TCGA-A1-A0SB-1", ""),
        ("None", ""),
    ],
)
def test_the_kind_of_a_sample_is_written_in_its_barcode(sample, kind) -> None:
    assert sample_kind(sample) == kind


@pytest.mark.real
def test_real_samples_are_primary_but_for_metastases(real_data) -> None:
    lines = (
        real_data / "tcga_brca/raw/cbioportal_brca_tcga_legacy/brca_tcga_clinical_data.tsv"
    ).read_text(encoding="utf-8").splitlines()  # fmt: skip
    kinds = [sample_kind(line.split("\t")[2]) for line in lines[1:]]
    assert set(kinds) <= {"01", "06"}
    assert kinds.count("01") > 1000

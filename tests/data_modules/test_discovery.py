from __future__ import annotations

import gzip
from pathlib import Path

import pandas as pd
import pytest

from data_modules.discovery import FoundTable, discover, recognise

STUDY = "#Patient Identifier\tAge\n#STRING\tNUMBER\nPATIENT_ID\tAGE\nP1\t50\n"
SAMPLES = "\t".join(f"TCGA-A1-A{i:03d}-01" for i in range(8))


@pytest.mark.parametrize(
    ("name", "content", "form", "identifier"),
    [
        ("a.txt", STUDY, "cbioportal", "PATIENT_ID"),
        ("b.tsv", "Study ID\tPatient ID\tSample ID\nx\tP1\tP1-01\n", "cbioportal_download",
         "Patient ID"),
        ("c.tsv", "case_id\tsubmitter_id\nu\tP1\n", "gdc", "submitter_id"),
        ("d.tsv", "bcr_patient_barcode\tOS\tOS.time\nP1\t1\t3\n", "tcga_cdr",
         "bcr_patient_barcode"),
        ("e.tsv", "sampleID\t_PATIENT\nP1-01\tP1\n", "xena_clinical", "_PATIENT"),
        ("f.csv", "age,patient\n50,P1\n", "table", "patient"),
    ],
)  # fmt: skip
def test_tables_are_known_by_their_columns(tmp_path, name, content, form, identifier) -> None:
    path = tmp_path / name
    path.write_text(content)
    found = recognise(path)
    assert isinstance(found, FoundTable)
    assert (found.format, found.id) == (form, identifier)


def test_a_packed_table_is_opened(tmp_path) -> None:
    path = tmp_path / "a.txt.gz"
    path.write_bytes(gzip.compress(STUDY.encode()))
    (found,) = discover(tmp_path).tables
    assert found == FoundTable(path, "cbioportal", "PATIENT_ID", ("PATIENT_ID", "AGE"))


def test_matrices_are_told_from_tables(tmp_path) -> None:
    (tmp_path / "x.tsv").write_text(f"sample\t{SAMPLES}\nESR1\t{'1.0 ' * 8}\n")
    (tmp_path / "data_mrna.txt").write_text(f"Hugo_Symbol\tEntrez_Gene_Id\t{SAMPLES}\n")
    found = discover(tmp_path)
    assert {path.name: form for path, form in found.matrices} == {
        "x.tsv": "xena",
        "data_mrna.txt": "cbioportal",
    }
    assert found.tables == ()


def test_features_are_counted_by_folder(tmp_path) -> None:
    for name in ("uni/P1.h5", "uni/P2.pt", "tia/P1.zarr/features/zarr.json", ".hidden/P.h5"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    assert dict(discover(tmp_path).features) == {tmp_path / "uni": 2, tmp_path / "tia": 1}


def test_what_is_not_understood_says_why(tmp_path) -> None:
    (tmp_path / "notes.csv").write_text("a,b\n1,2\n")
    (tmp_path / "latin.csv").write_bytes("patient,größe\nP,1\n".encode("latin-1"))
    why = {path.name: text for path, text in discover(tmp_path).passed}
    assert why["notes.csv"] == "no column names the patient"
    assert "save the file as UTF-8" in why["latin.csv"]


def test_the_most_particular_formats_stand_first(tmp_path) -> None:
    pd.DataFrame({"patient_id": ["P1"]}).to_csv(tmp_path / "a.csv", index=False)
    (tmp_path / "b.tsv").write_text("bcr_patient_barcode\tOS\tOS.time\nP1\t1\t3\n")
    assert [table.format for table in discover(tmp_path).tables] == ["tcga_cdr", "table"]


@pytest.mark.real
def test_every_download_of_tcga_is_recognised(real_data: Path) -> None:
    found = discover(real_data / "tcga_brca" / "raw")
    formats = {table.path.name: table.format for table in found.tables}
    assert formats["phenotypes.tsv"] == "tcga_cdr"
    assert formats["clinical.tsv"] == "gdc"
    assert formats["data_clinical_patient.txt"] == "cbioportal"
    assert formats["data_clinical_patient.nohash.txt"] == "cbioportal"
    assert formats["brca_tcga_clinical_data.tsv"] == "cbioportal_download"
    assert [path.name for path, _ in found.passed] == ["BRCA.hif.clusters.csv"]

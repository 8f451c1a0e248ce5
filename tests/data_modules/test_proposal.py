from __future__ import annotations

from pathlib import Path

import pytest

from data_modules.cohort import Cohort, load_cohort
from data_modules.discovery import discover
from data_modules.doctor import described
from data_modules.manifest import Manifest, load_manifest
from data_modules.problems import BadInput
from data_modules.proposal import proposal
from data_modules.toy import build_toy
from data_modules.toy_truth import ToyConfig

CDR = ["bcr_patient_barcode\tOS\tOS.time\tage_at_initial_pathologic_diagnosis"]
STUDY = ["PATIENT_ID\tPATH_T_STAGE\tSUBTYPE\tGRADE\tOS_STATUS\tOS_MONTHS"]
for i in range(30):
    CDR.append(f"P{i:02d}\t{i % 2}\t{100 + i}\t{40 + i}")
    STUDY.append(f"P{i:02d}\tT{i % 4 + 1}c\tBRCA_LumA\tweird{i}\t{i % 2}:X\t{i + 1}")


@pytest.fixture
def folder(tmp_path) -> Path:
    (tmp_path / "cdr.tsv").write_text("\n".join(CDR) + "\n")
    (tmp_path / "data_clinical_patient.txt").write_text("\n".join(STUDY) + "\n")
    return tmp_path


def _propose(folder: Path) -> tuple[str, Manifest]:
    file = folder / "cohort.yaml"
    file.write_text(proposal(discover(folder), folder, file))
    return file.read_text(), load_manifest(file)


def _load(manifest: Manifest) -> Cohort:
    return load_cohort(manifest, modalities=described(manifest))


def test_a_proposal_runs_as_it_is(folder) -> None:
    text, manifest = _propose(folder)
    cohort = _load(manifest)
    assert len(cohort.table) == 30
    assert cohort.endpoint == "OS"
    assert cohort.table["time_days"].tolist() == [float(t) for t in range(100, 130)]
    assert cohort.table["age"].tolist() == [float(a) for a in range(40, 70)]
    assert cohort.table["t_stage"].notna().all()
    assert set(cohort.table["subtype"]) == {"LumA"}
    assert "# guessed" in text


def test_a_column_that_is_not_understood_is_not_proposed(folder) -> None:
    text, manifest = _propose(folder)
    assert "grade" not in manifest.derive
    assert "weird" not in text


def test_event_codes_that_are_not_understood_are_named(tmp_path) -> None:
    rows = ["patient_id,os_days,os_event", "P1,3,gone", "P2,4,here"]
    (tmp_path / "a.csv").write_text("\n".join(rows) + "\n")
    text = proposal(discover(tmp_path), tmp_path, tmp_path / "cohort.yaml")
    assert "# OS: os_event holds ['gone', 'here'], not understood" in text
    (tmp_path / "cohort.yaml").write_text(text)
    with pytest.raises(BadInput, match="at least one endpoint"):
        load_manifest(tmp_path / "cohort.yaml")


def test_days_are_brought_to_years(tmp_path) -> None:
    rows = ["case_id\tsubmitter_id\tvital_status\tdays_to_death\tdays_to_last_follow_up"
            "\tage_at_diagnosis"]  # fmt: skip
    for i in range(20):
        status = ("Dead", "Alive")[i % 2]
        rows.append(f"u{i}\tP{i}\t{status}\t{50 if i % 2 == 0 else '--'}\t{60 + i}\t21915")
    (tmp_path / "clinical.tsv").write_text("\n".join(rows) + "\n")
    _, manifest = _propose(tmp_path)
    cohort = _load(manifest)
    assert cohort.table["age"].tolist() == [60.0] * 20
    assert cohort.table["event"].sum() == 10
    assert cohort.table["time_days"].tolist()[:2] == [50.0, 61.0]


def test_expression_and_features_are_in_it(tmp_path) -> None:
    """The toy cohort, whose own manifest is taken away."""
    toy = build_toy(ToyConfig(patients=30, patches_min=2, patches_max=3), tmp_path).parent
    (toy / "cohort.yaml").unlink()
    (toy / "slides.csv").unlink()
    _, manifest = _propose(toy)
    assert set(manifest.features) == {"maxvit", "resnet50"}
    assert manifest.encoder == "maxvit"
    assert manifest.genes is not None
    assert described(manifest) == ("image", "genes", "clinical")
    assert list(manifest.endpoints) == ["OS"]


def test_a_folder_without_tables_says_what_is_missing(tmp_path) -> None:
    (tmp_path / "enc").mkdir()
    (tmp_path / "enc" / "P1.h5").write_bytes(b"")
    text = proposal(discover(tmp_path), tmp_path, tmp_path / "cohort.yaml")
    assert "no table with a row a patient was found" in text
    assert "fill in" in text


@pytest.mark.real
def test_the_downloads_of_tcga_become_a_cohort(real_data: Path, tmp_path) -> None:
    folder = real_data / "tcga_brca" / "raw"
    file = tmp_path / "cohort.yaml"
    file.write_text(proposal(discover(folder), folder, file))
    manifest = load_manifest(file)
    assert set(manifest.endpoints) == {"OS", "DSS", "PFI", "DFI"}
    cohort = _load(manifest)
    assert len(cohort.table) == 1083
    assert cohort.table["event"].sum() == 151
    assert set(cohort.covariates) == {"age", "t_stage", "n_stage", "nodes"}
    assert not Path(manifest.patients.path).is_absolute()

from __future__ import annotations

import h5py
import numpy as np
import pytest

from data_modules.cohort import load_cohort
from data_modules.features import write_bag
from data_modules.manifest import load_manifest
from data_modules.problems import BadInput

ROOT_MANIFESTS = "experiments/configs/cohorts"


def test_a_good_cohort_loads_with_units_and_order(load) -> None:
    cohort = load()
    assert len(cohort.table) == 20
    assert cohort.table.loc["P00", "time_days"] == pytest.approx(3 * 30.4375)
    assert cohort.table["event"].dtype == bool
    assert cohort.table["event"].sum() == 10
    assert list(cohort.expression.columns) == ["ESR1", "PGR", "MKI67"]
    assert cohort.features.width == 4
    assert cohort.flow == (("in the patient table", 20),)
    assert cohort.notes == ()
    assert np.isnan(cohort.table.loc["P03", "age"])


def test_only_what_is_asked_for_is_read(load, folder) -> None:
    (folder / "genes.tsv").unlink()
    cohort = load(modalities=("image", "clinical"))
    assert cohort.expression is None
    assert load(modalities=("clinical",)).features is None
    assert load(modalities=("image",)).covariates == {}


def test_the_hash_changes_with_any_value(load, edit, folder) -> None:
    before = load().data_hash
    assert load().data_hash == before
    edit("clinical.csv", "P07,LumA,10", "P07,LumA,11")
    changed = load().data_hash
    assert changed != before
    write_bag(folder / "enc" / "P07-DX2.h5", np.ones((1, 4)), np.zeros((1, 2), int), {})
    assert load().data_hash != changed


def test_patients_who_lack_a_modality_are_kept_and_listed(load, folder, edit) -> None:
    (folder / "enc" / "P05-DX1.h5").unlink()
    edit("genes.tsv", "\tP06-01", "\tX06-01")
    cohort = load()
    assert len(cohort.table) == 20
    assert "1 patients kept without image: P05" in cohort.notes
    assert "1 patients kept without genes: P06" in cohort.notes
    assert "expression of 1 not in the cohort: X06" in cohort.notes


def test_features_of_nobody_are_counted(load, folder) -> None:
    write_bag(folder / "enc" / "Q99-DX1.h5", np.ones((1, 4)), np.zeros((1, 2), int), {})
    assert "features of 1 not in the patient table: Q99-DX1.h5" in load().notes


def test_inclusion_is_applied_in_order_and_counted(load) -> None:
    cohort = load(
        include=[
            {"column": "subtype", "values": ["LumA"]},
            {"column": "months", "above": 5},
            {"column": "age", "missing": "drop"},
            {"has": ["image", "genes"]},
        ]
    )
    assert [left for _, left in cohort.flow] == [20, 10, 9, 8, 8]
    assert cohort.flow[-1][0] == "with image and genes"


def test_the_patients_do_not_depend_on_what_is_read(load, folder, edit) -> None:
    (folder / "enc" / "P05-DX1.h5").unlink()
    edit("genes.tsv", "P07-01", "Q07-01")
    rule = [{"has": ["image", "genes"]}]
    joint = load(include=rule)
    assert len(joint.table) == 18
    clinical = load(include=rule, modalities=("clinical",))
    assert list(clinical.table.index) == list(joint.table.index)
    assert clinical.flow == joint.flow
    assert clinical.encoder == ""
    assert clinical.features is clinical.expression is None
    assert clinical.notes == ()


BAD = [
    ("clinical.csv", "P01,LumA,4,", "P01,LumA,-4,", "row 3, column months: the time -4 is not pos"),
    ("clinical.csv", "P01,LumA,4,", "P01,LumA,0,", "row 3, column months: the time 0 is not posit"),
    ("clinical.csv", "P01,LumA,4,", "P01,LumA,soon,", "row 3, column months: 'soon' is not a time"),
    ("clinical.csv", "P01,LumA,4,", "P01,LumA,inf,", "row 3, column months: 'inf' is not a time"),
    ("clinical.csv", "P01,LumA,4,", "P01,LumA,,", "row 3, column months: the time is missing"),
    (
        "clinical.csv",
        "P01,LumA,4,1",
        "P01,LumA,4,2",
        "row 3, column dead: '2' is no declared event",
    ),
    ("clinical.csv", "P01,LumA,4,1", "P01,LumA,4,", "row 3, column dead: the event is missing"),
    ("clinical.csv", "P01,", "P00,", "row 3, column patient_id: patient 'P00' has two rows"),
    ("clinical.csv", "P01,", ",", "row 3, column patient_id: the identifier is missing"),
    ("clinical.csv", "1,41,", "1,old,", "row 3, column age: 'old' is not a number (years)"),
    ("clinical.csv", "41,2,left", "41,4,left", "row 3, column grade: '4' is not one of the levels"),
    ("clinical.csv", "41,2,left", "41,2,top", "row 3, column side: 'top' is not one of the levels"),
    (
        "clinical.csv",
        ",months,",
        ",month,",
        "column months: no such column, named by endpoint time",
    ),
    ("clinical.csv", ",side", ",age", "column age: the header names this column twice"),
    ("genes.txt", "ESR1", "ESR", "column ESR: no row for this gene; did you mean ESR1?"),
    (
        "genes.tsv",
        "\nPGR\t",
        "\nESR1\t",
        "row 4, column ESR1: the gene has two rows",
    ),
    ("genes.tsv", "P01-01", "P00-01", "column P00-01: the header names this sample twice"),
    ("genes.txt", "PGR", "ESR1", "column ESR1: the gene is listed twice"),
]


@pytest.mark.parametrize(("name", "old", "new", "message"), BAD)
def test_bad_tables_are_refused_with_file_row_and_column(
    load, edit, name, old, new, message
) -> None:
    edit(name, old, new)
    with pytest.raises(BadInput) as error:
        load()
    assert name.split(".")[0] in str(error.value)
    assert message in str(error.value)


def test_expression_on_another_scale_is_refused_with_the_value(load, folder, edit) -> None:
    line = next(x for x in (folder / "genes.tsv").read_text().splitlines() if x[:4] == "ESR1")
    edit("genes.tsv", line.split("\t")[1], "812.5")
    with pytest.raises(BadInput, match=r"column ESR1: 812.5.*cannot be log2\(RSEM \+ 1\)"):
        load()
    edit("genes.tsv", "812.5", "-0.5")
    with pytest.raises(BadInput, match="the scale is declared as log2_rsem"):
        load()


def _h5(folder, **datasets) -> None:
    with h5py.File(folder / "enc" / "P02-DX1.h5", "w") as file:
        for name, values in datasets.items():
            file.create_dataset(name, data=values)


@pytest.mark.parametrize(
    ("datasets", "message"),
    [
        ({"features": np.ones((2, 5)), "coords": np.ones((2, 2))}, "5 wide, the manifest declares"),
        ({"features": np.ones((0, 4)), "coords": np.ones((0, 2))}, "the slide is empty"),
        (
            {"features": np.ones((2, 2, 4)), "coords": np.ones((1, 2))},
            r"must be \(patches, width\)",
        ),
        ({"features": np.ones((2, 4)), "coords": np.ones((3, 2))}, r"coords must be \(2, 2\)"),
        ({"features": np.ones((2, 4))}, "has no coordinates: set `coords: ignore`"),
        ({"features": np.array([[1, 2, 3, np.nan]]), "coords": np.ones((1, 2))}, "nan at patch 0"),
        ({"features": np.array([[1, np.inf, 3, 4]]), "coords": np.ones((1, 2))}, "inf at patch 0"),
    ],
)
def test_bad_bags_are_refused_by_file(load, folder, datasets, message) -> None:
    _h5(folder, **datasets)
    with pytest.raises(BadInput, match=message) as error:
        load()
    assert "P02-DX1.h5" in str(error.value)


def test_a_truncated_bag_is_refused(load, folder) -> None:
    path = folder / "enc" / "P02-DX1.h5"
    path.write_bytes(path.read_bytes()[:600])
    with pytest.raises(BadInput, match="cannot be read as HDF5"):
        load()


def test_everything_wrong_is_in_one_report(load, folder, edit) -> None:
    edit("clinical.csv", "P01,LumA,4,1", "P01,LumA,-4,7")
    edit("clinical.csv", "P04,LumB,7", "P04,LumB,never")
    edit("clinical.csv", "P19,", "P18,")
    _h5(folder, features=np.ones((2, 9)), coords=np.ones((2, 2)))
    with pytest.raises(BadInput) as error:
        load()
    report = str(error.value)
    assert report.startswith("5 problems with the input:")
    for words in ("-4 is not positive", "'7' is no declared", "'never'", "two rows", "9 wide"):
        assert words in report


def test_missing_files_are_all_named(load, folder) -> None:
    for name in ("clinical.csv", "genes.tsv"):
        (folder / name).unlink()
    with pytest.raises(BadInput) as error:
        load(features={"enc": {"format": "bags", "path": "nowhere", "width": 4}})
    for name in ("clinical.csv", "genes.tsv", "nowhere"):
        assert f"{name}: the f" in str(error.value)


def test_requests_that_the_manifest_cannot_meet(load) -> None:
    with pytest.raises(BadInput, match=r"--endpoint=PFI: there are \['OS'\]"):
        load(endpoint="PFI")
    with pytest.raises(BadInput, match=r"--encoder=encc.*did you mean enc"):
        load(encoder="encc")
    with pytest.raises(BadInput, match="the manifest has no covariates"):
        load(covariates={})
    with pytest.raises(BadInput, match="no patient is left"):
        load(include=[{"column": "subtype", "values": ["Basal"]}])


@pytest.mark.real
@pytest.mark.parametrize(
    ("name", "modalities", "endpoint", "patients", "events"),
    [
        ("tcga_brca_luminal_no_image", ("genes", "clinical"), "OS", 723, 90),
        ("tcga_brca_luminal_no_image", ("genes", "clinical"), "PFI", 723, 83),
        ("tcga_brca_luminal_raw", ("genes", "clinical"), "OS", 723, 90),
        ("tcga_brca_luminal", ("image", "genes", "clinical"), "OS", 598, 71),
        ("tcga_brca_luminal", ("image", "genes", "clinical"), "PFI", 598, 67),
    ],
)
def test_the_real_cohorts_have_the_patients_that_the_readme_says(
    real_data, request, name, modalities, endpoint, patients, events
) -> None:
    manifest = load_manifest(request.config.rootpath / ROOT_MANIFESTS / f"{name}.yaml")
    cohort = load_cohort(manifest, modalities=modalities, endpoint=endpoint)
    assert (len(cohort.table), int(cohort.table["event"].sum())) == (patients, events)
    assert cohort.expression.notna().all().all()


def test_rows_matrix_and_slides_are_reported_together(load, folder, edit) -> None:
    edit("clinical.csv", "P01,LumA,4,1", "P01,LumA,-4,7")
    edit("genes.txt", "PGR", "PRG")
    _h5(folder, features=np.ones((0, 4)), coords=np.ones((0, 2)))
    with pytest.raises(BadInput) as error:
        load()
    report = str(error.value)
    assert report.startswith("4 problems with the input:")
    for words in ("-4 is not positive", "'7' is no declared", "column PRG: no row", "is empty"):
        assert words in report


def test_a_short_row_is_told_and_not_taken_for_missing_values(load, edit) -> None:
    edit("clinical.csv", "P01,LumA,4,1,41,2,left", "P01,LumA,4")
    with pytest.raises(BadInput, match=r"clinical\.csv, row 3: 3 cells, the header has 7"):
        load()


def test_a_patient_without_any_measured_gene_or_variable_is_kept_and_named(
    load, folder, edit
) -> None:
    lines = [line.split("\t") for line in (folder / "genes.tsv").read_text().splitlines()]
    for cells in lines[1:]:
        cells[1] = "NA"
    (folder / "genes.tsv").write_text("\n".join("\t".join(cells) for cells in lines))
    edit("clinical.csv", "1,41,2,left", "1,,,")
    cohort = load()
    assert "1 patients kept without genes: P00" in cohort.notes
    assert "1 patients kept without clinical: P01" in cohort.notes
    assert len(cohort.table) == 20
    assert len(load(include=[{"has": ["genes"]}]).table) == 19


def test_a_gene_list_may_carry_comments_older_symbols_and_a_byte_order_mark(load, folder) -> None:
    text = (folder / "genes.tsv").read_text()
    (folder / "genes.tsv").write_text(text.replace("\nPGR\t", "\nORC6L\t"))
    (folder / "genes.txt").write_bytes(b"\xef\xbb\xbfESR1\r\n# a comment\r\n\r\nORC6L\r\n")
    assert list(load().expression.columns) == ["ESR1", "ORC6"]
    (folder / "genes.txt").write_bytes(b"ESR1\xff")
    with pytest.raises(BadInput, match=r"genes\.txt: cannot be read as a list of genes"):
        load()
    (folder / "genes.txt").write_text("# nothing\n")
    with pytest.raises(BadInput, match=r"genes\.txt: the gene list is empty"):
        load()
    (folder / "genes.txt").unlink()
    with pytest.raises(BadInput, match=r"genes\.txt: no such gene set"):
        load()


def test_the_hash_sees_feature_values_and_the_meaning_of_covariates(load, folder) -> None:
    age = {"column": "age", "kind": "numeric"}
    hashes = {load(covariates={"age": {**age, "log": log}}).data_hash for log in (True, False)}
    assert len(hashes) == 2
    before = load().data_hash
    with h5py.File(folder / "enc" / "P07-DX1.h5", "a") as file:
        file["features"][1, 2] += 1
    assert load().data_hash != before

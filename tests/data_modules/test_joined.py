from __future__ import annotations

import dataclasses

import pandas as pd
import pytest

from data_modules.cohort import load_cohort
from data_modules.manifest import Inclusion, load_manifest
from data_modules.problems import BadInput

HEIGHT = {"height": {"column": "labs::cm", "kind": "numeric", "unit": "count"}}
# Every patient but P00; three lines before the header, the patients in another order.
LABS = ["#Patient\tHeight", "#STRING\tNUMBER", "#1\t1", "PATIENT_ID\tcm\ter\tsize"]
LABS += [f"P{i:02d}\t{150 + i}\t{'Pos' if i % 2 else 'neg'}\t{i} mm" for i in range(19, 0, -1)]


@pytest.fixture(autouse=True)
def labs(folder):  # noqa: ANN201 - the file
    path = folder / "labs.txt"
    path.write_text("\n".join(LABS) + "\n")
    (folder / "hif.tsv").write_text((folder / "hif.csv").read_text().replace(",", "\t"))
    return path


@pytest.fixture
def with_labs(load):  # noqa: ANN201 - a function of keys
    """`with_labs(key=value)`: the cohort with the table `labs`, and the height in it."""

    def load_with(**keys):  # noqa: ANN202
        entry = {"path": "labs.txt", "format": "cbioportal"}
        tables = {"labs": entry, **keys.pop("tables", {})}
        return load(**{"tables": tables, "covariates": HEIGHT, **keys})

    return load_with


def refusal(load, **keys) -> str:
    with pytest.raises(BadInput) as error:
        load(**keys)
    return str(error.value)


def derived(**keys) -> dict[str, object]:
    """A manifest whose only covariate is the column `x`, derived."""
    covariate = {"column": "x", "kind": "numeric"}
    return {"derive": {"x": keys}, "covariates": {"x": covariate}}


def test_columns_of_another_table_come_to_their_patients(with_labs) -> None:
    cohort = with_labs(include=[{"column": "labs::er", "values": ["Pos", "neg"]}])
    assert len(cohort.table) == 19
    assert cohort.table["height"].to_dict() == {f"P{i:02d}": 150.0 + i for i in range(1, 20)}


def test_who_is_not_in_both_is_counted(with_labs, labs) -> None:
    labs.write_text(labs.read_text() + "Q1\t1\tPos\t1 mm\nQ2\t1\tPos\t1 mm\n")
    cohort = with_labs()
    assert len(cohort.table) == 20
    assert cohort.notes[0] == (
        "table labs: 1 patients of the patient table are not in it, 2 in it are not in the patient "
        "table"
    )
    assert "1 patients kept without clinical: P00" in cohort.notes


def test_a_column_of_which_nothing_is_known_is_missing_for_everybody(with_labs, labs) -> None:
    labs.write_text("PATIENT_ID\tcm\nP00\tNA\nP01\t\n")
    cohort = with_labs(covariates={**HEIGHT, "age": {"column": "age", "kind": "numeric"}})
    assert cohort.table["height"].isna().all()


def test_a_cell_is_told_with_its_own_file_line_and_column(with_labs, edit) -> None:
    edit("labs.txt", "P17\t167", "P17\ttall")
    report = refusal(with_labs)
    assert report.startswith("1 problem with")
    assert "labs.txt, row 7, column cm: 'tall' is not a number (count)" in report
    rule = [{"column": "labs::er", "values": ["Positive"]}]
    report = refusal(with_labs, include=rule)
    assert "labs.txt, column er: an inclusion rule asks for 'Positive', which no row has" in report


def test_a_derived_cell_too(with_labs, edit) -> None:
    edit("labs.txt", "\t17 mm", "\t17 µm")
    size = derived(columns=["labs::size"], read="number", to="mm")
    assert "labs.txt, row 7, column size: '17 µm' is in μm, which" in refusal(with_labs, **size)
    edit("labs.txt", "\t17 µm", "\t900 mm")
    size["covariates"]["x"]["unit"] = "mm"
    assert "labs.txt, row 7, column size: 900 cannot be mm" in refusal(with_labs, **size)
    edit("clinical.csv", "1,41,", "1,4100,")
    age = derived(columns=["age"], read="number", unit="years")
    age["covariates"]["x"]["unit"] = "years"
    assert "clinical.csv, row 3, column age: 4100 cannot be years" in refusal(with_labs, **age)


def test_a_contradiction_names_the_columns_that_disagree(with_labs) -> None:
    both = derived(columns=["age", "labs::cm"], read="number")
    report = refusal(with_labs, **both)
    assert "clinical.csv, row 3, column x: age says 41, labs::cm says 151: declare" in report
    assert report.count("declare `conflicts: first`") == 8  # of 18: the others are counted
    both["derive"]["x"]["conflicts"] = "missing"
    cohort = with_labs(**both)
    assert cohort.table["x"].dropna().to_dict() == {"P00": 40.0, "P03": 153.0}
    assert any(note.startswith("x: 18 conflicts between its columns") for note in cohort.notes)


def test_rows_of_one_patient_that_contradict_each_other_are_refused(with_labs, labs) -> None:
    rows = "P05\t155.0\tPos\t5 mm\nP05\t\tneg\t5 mm\nP04\t200\tneg\t4 mm\nQ1\t1\t\t\nQ1\t2\t\t\n"
    labs.write_text(labs.read_text() + rows)
    report = refusal(with_labs)  # 155.0 is 155, missing contradicts nothing, Q1 is nobody here
    assert report.startswith("1 problem with")
    told = "labs.txt, row 26, column cm: patient 'P04' has '200' here and '154' in row 20"
    assert told in report


def test_of_several_samples_the_primary_tumour_counts(load, folder) -> None:
    lines = (folder / "clinical.csv").read_text().splitlines()
    patients = [f"TCGA-A1-{line.split(',')[0]}0" for line in lines[1:]]
    rows = ["\t".join(["sampleID", "_PATIENT", *lines[0].split(",")[1:]])]
    for line, patient in zip(lines[1:], patients, strict=True):
        cells = line.split(",")[1:]
        kinds = ["11", "01", "06"] if patient.endswith("P050") else ["01"]
        for kind in kinds:
            months = [cells[0], cells[1] if kind == "01" else "999", *cells[2:]]
            rows.append("\t".join([f"{patient}-{kind}", patient, *months]))
    (folder / "xena.tsv").write_text("\n".join(rows))
    patients_table = {"path": "xena.tsv", "format": "xena_clinical"}
    cohort = load(patients=patients_table, modalities=("clinical",))
    assert list(cohort.table.index) == patients
    assert cohort.table["time_days"].tolist() == [(3 + i) * 30.4375 for i in range(20)]
    table = {"xena": {"path": "xena.tsv", "format": "xena_clinical"}}
    months = {"m": {"column": "xena::months", "kind": "numeric"}}
    cohort = load(
        patients=patients_table, tables=table, covariates=months, modalities=("clinical",)
    )
    assert cohort.table["m"].tolist() == [3.0 + i for i in range(20)]


@pytest.mark.parametrize(
    ("keys", "told"),
    [
        ({"tables": {"labs": {"path": "lab.txt"}}}, ["lab.txt: the file does not exist"]),
        (
            {"tables": {"labs": {"path": "labs.txt", "format": "cbioportal", "id": "PATIENT"}}},
            [
                "labs.txt, column PATIENT: no such column, named by tables.labs.id; "
                "did you mean PATIENT_ID?"
            ],
        ),
        (
            {"tables": {"labs": {"path": "labs.txt", "format": "gdc"}}},
            ["labs.txt, row 1: lines with # stand before the header: `format: cbioportal`"],
        ),
        (
            {"tables": {"labs": {"path": "hif.tsv", "format": "tcga_cdr"}}},
            ["column bcr_patient_barcode: no such column, named by tables.labs.id"],
        ),
        (
            {"tables": {"labs": {"path": "hif.csv"}}},
            ["hif.csv: tables.labs.id must name the column of the patient"],
        ),
        ({"patients": {"path": "clinical.csv"}}, ["patients.id must name the column of the pat"]),
        (
            {"tables": {"labs": {"path": "hif.csv", "id": "a"}}},
            [
                "hif.csv, column a: tables.labs has no patient of the patient table: '0' there, "
                "'P00' here",
                "hif.csv, column cm: no such column in tables.labs",
            ],
        ),
        (
            {"covariates": {"h": {"column": "labs::sise", "kind": "numeric"}}},
            ["labs.txt, column sise: no such column in tables.labs; did you mean size?"],
        ),
        (
            {"covariates": {"h": {"column": "lab::cm", "kind": "numeric"}}},
            ["cohort.yaml, column lab::cm: no table is called 'lab'; did you mean labs?"],
        ),
        (
            derived(columns=["agee"], read="number"),
            ["clinical.csv, column agee: no such column, named by derive.x; did you mean age?"],
        ),
        (
            derived(columns=["labs::sise"], read="number"),
            ["labs.txt, column sise: no such column in tables.labs; did you mean size?"],
        ),
        (
            {**derived(columns=["age"], read="number"), "subtype": "y"},
            ["clinical.csv, column y: no such column, named by subtype"],
        ),
        (
            {"derive": {"grade": {"columns": ["age"]}}},
            ["clinical.csv, column grade: derive.grade: the table has this column"],
        ),
    ],
)
def test_what_is_not_there_is_told_once(with_labs, keys, told) -> None:
    report = refusal(with_labs, **keys)
    for words in told:
        assert words in report
    assert report.startswith(f"{len(told)} problem")


def test_everything_wrong_with_several_tables_is_in_one_report(with_labs, folder, edit) -> None:
    edit("clinical.csv", "P01,LumA,4,1", "P01,LumA,-4,7")
    edit("labs.txt", "P17\t167", "P17\ttall")
    (folder / "ragged.csv").write_text("id,a\nP01,1,2\n")
    (folder / "latin.csv").write_bytes("id,a\nP01,é\n".encode("latin-1"))
    tables = {n: {"path": f"{n}.csv", "id": "id"} for n in ("ragged", "latin", "none")}
    report = refusal(with_labs, tables=tables)
    for words in (
        "ragged.csv, row 2: 3 cells, the header has 2", "latin.csv: cannot be read",
        "none.csv: the file does not exist",
    ):  # fmt: skip
        assert words in report
    # Without the unreadable ones, the rows of all others are in one report too.
    report = refusal(with_labs)
    for words in ("the time -4", "'7' is no declared", "'tall' is not a number"):
        assert words in report
    assert report.startswith("3 problems")


def _raw(root, *include: Inclusion):  # noqa: ANN202
    manifest = load_manifest(root / "experiments/configs/cohorts/tcga_brca_luminal_raw.yaml")
    return dataclasses.replace(manifest, include=include) if include else manifest


@pytest.mark.real
def test_the_sources_of_tcga_agree_with_the_table_made_of_them(real_data, request) -> None:
    root = request.config.rootpath
    tidy = load_manifest(root / "experiments/configs/cohorts/tcga_brca_luminal_no_image.yaml")
    expected = load_cohort(tidy, modalities=("genes", "clinical"))
    cohort = load_cohort(_raw(root), modalities=("genes", "clinical"))
    assert len(cohort.table) == 723
    assert set(cohort.table.index) == set(expected.table.index)
    there = expected.table.loc[cohort.table.index]
    columns = ["event", "subtype", "age", "tumour", "node_stage", "nodes", "grade"]
    pd.testing.assert_frame_equal(cohort.table[columns], there[columns])
    assert (cohort.table["time_days"] - there["time_days"]).abs().max() < 0.01
    genes = expected.expression.loc[cohort.expression.index]
    pd.testing.assert_frame_equal(cohort.expression, genes)


@pytest.mark.real
@pytest.mark.parametrize(
    ("endpoint", "patients"), [("OS", 1083), ("DSS", 1064), ("DFI", 941), ("PFI", 1083)]
)
def test_they_agree_on_every_patient_and_endpoint(real_data, request, endpoint, patients) -> None:
    rules = (Inclusion(f"{endpoint}.time", above=0), Inclusion(endpoint, missing="drop"))
    manifest = _raw(request.config.rootpath, *rules)
    table = load_cohort(manifest, endpoint=endpoint, modalities=("clinical",)).table
    tidy = pd.read_csv(
        real_data / "tcga_brca/tcga_brca_clinical_tidy.csv", index_col="patient_id"
    ).loc[table.index]
    assert len(table) == patients
    times = tidy[f"{endpoint.lower()}_months"] * 365.25 / 12
    assert (table["time_days"] - times).abs().max() < 0.01
    assert (table["event"] == tidy[f"{endpoint.lower()}_event"].astype(bool)).all()
    # An ordinal counts from 1, and node stages from 0.
    same = {"age": "age", "tumour": "t_num", "nodes": "nodes_positive", "grade": "grade"}
    for column, name in same.items():
        pd.testing.assert_series_equal(table[column], tidy[name], check_names=False)
    pd.testing.assert_series_equal(table["node_stage"], tidy["n_num"] + 1, check_names=False)
    # The tidy table has no claudin-low, which one patient is.
    other = table["subtype"].ne(tidy["pam50"]) & ~(table["subtype"].isna() & tidy["pam50"].isna())
    assert set(table.loc[other, "subtype"]) <= {"ClaudinLow"}
    assert other.sum() <= 1

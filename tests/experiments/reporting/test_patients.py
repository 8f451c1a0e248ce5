from __future__ import annotations

from experiments.reporting.patients import characteristics, subgroups_of


def test_subgroups_are_those_that_were_fixed_beforehand(source) -> None:
    record = source.cohort
    parts = {part.name: part.patients for part in subgroups_of(record)}
    assert list(parts) == [
        "LumA", "LumB", "node-negative", "node-positive", "under 50 years", "50 years and over",
    ]  # fmt: skip
    table = record.covariates
    assert parts["node-negative"] == set(table.index[table["nodes"] == 0])
    assert parts["50 years and over"] == set(table.index[table["age"] >= 50])
    # Whose age is missing is on neither side.
    assert table.index[table["age"].isna()][0] not in (
        parts["under 50 years"] | parts["50 years and over"]
    )


def test_a_part_of_few_patients_is_left_out(source) -> None:
    record = source.cohort
    older = record.covariates.assign(age=70.0, subtype="LumA")
    names = [part.name for part in subgroups_of(record._replace(covariates=older))]
    assert names == ["LumA", "node-negative", "node-positive", "50 years and over"]


def test_characteristics_count_everybody_and_the_missing(source) -> None:
    table = characteristics(source.cohort, source.main.rows).set_index(["variable", "level"])
    rows = source.main.rows
    assert table.loc[("patients", ""), "all"] == "90"
    high = rows[rows["risk_group"] == "high"]
    assert table.loc[("patients", ""), "high"] == str(len(high))
    assert table.loc[("events", ""), "high"].startswith(f"{high['event'].sum()} (")
    assert table.loc[("age", "missing"), "all"] == "1 (1%)"
    ages = source.cohort.covariates["age"]
    assert table.loc[("age, years", "median (quartiles)"), "all"].startswith(f"{ages.median():.3g}")
    grades = [int(table.loc[("grade", g), "all"].split()[0]) for g in "123"]
    assert sum(grades) == 90


def test_without_risk_groups_there_is_one_column(source) -> None:
    rows = source.main.rows.drop(columns="risk_group")
    table = characteristics(source.cohort, rows)
    assert set(table.loc[table["variable"] != "patients", "low"]) == {""}

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from data_modules.manifest import Covariate
from data_modules.patients import covariate_values
from data_modules.problems import BadInput, Problems
from data_modules.transforms import fit_transforms


@pytest.mark.parametrize(
    ("covariate", "text", "expected"),
    [
        (Covariate("x", "numeric", "mm"), ["3.5", None], [3.5, np.nan]),
        (Covariate("x", "ordinal", "", ("1", "2")), ["2.0", "1", None], [2.0, 1.0, np.nan]),
        (Covariate("x", "ordinal", "", ("low", "high")), ["high", "low"], [2.0, 1.0]),
        (Covariate("x", "categorical", "", ("a", "b")), ["b", None], ["b", None]),
    ],
)
def test_values_become_what_their_kind_says(covariate, text, expected) -> None:
    problems = Problems()
    values = covariate_values(pd.Series(text, dtype=object), covariate, Path("t"), problems)
    assert not problems.found
    assert [None if pd.isna(v) else v for v in values] == [
        None if pd.isna(v) else v for v in expected
    ]


def test_event_codes_may_be_words(load, folder) -> None:
    text = (folder / "clinical.csv").read_text().splitlines()
    rows = [text[0]]
    for line in text[1:]:
        cells = line.split(",")
        cells[3] = "1:DECEASED" if cells[3] == "1" else "0:LIVING"
        rows.append(",".join(cells))
    (folder / "clinical.csv").write_text("\n".join(rows))
    codes = {"1:DECEASED": True, "0:LIVING": False}
    endpoint = {"time": "months", "unit": "months", "event": "dead", "codes": codes}
    assert load(endpoints={"OS": endpoint}).table["event"].sum() == 10


def test_levels_and_rule_values_are_compared_as_codes(load, folder, edit) -> None:
    text = (folder / "clinical.csv").read_text().splitlines()
    rows = [line.split(",") for line in text]
    for cells in rows[1:]:
        cells[5] += ".0"
    (folder / "clinical.csv").write_text("\n".join(",".join(cells) for cells in rows))
    covariate = {"column": "grade", "kind": "categorical", "levels": [1.0, 2, 3.0]}
    cohort = load(covariates={"grade": covariate}, include=[{"column": "grade", "values": [2, 3]}])
    assert set(cohort.table["grade"]) == {"2", "3.0"}  # as the manifest writes them
    assert len(cohort.table) == 13
    columns = fit_transforms(cohort, list(cohort.table.index), []).columns
    assert [(column.name, column.fill) for column in columns] == [
        ("grade=2", pytest.approx(7 / 13)),
        ("grade=3.0", pytest.approx(6 / 13)),
    ]


def test_a_rule_with_a_value_that_nobody_has_is_refused(load) -> None:
    with pytest.raises(BadInput) as error:
        load(include=[{"column": "subtype", "values": ["LumA", "Lumb"]}])
    told = "column subtype: an inclusion rule asks for 'Lumb', which no row has; did you mean Lum"
    assert told in str(error.value)


def test_a_logarithm_of_a_negative_number_is_refused(load, edit) -> None:
    edit("clinical.csv", "1,41,", "1,-41,")
    covariate = {"column": "age", "kind": "numeric", "log": True}
    with pytest.raises(BadInput, match=r"row 3, column age: -41 is negative.*its logarithm"):
        load(covariates={"age": covariate})


def test_a_patient_may_have_two_rows_if_rules_leave_one(load, edit) -> None:
    edit("clinical.csv", "P01,LumA,4,", "P00,LumA,4,")
    cohort = load(include=[{"column": "subtype", "values": ["LumA"]}])
    assert cohort.table.loc["P00", "time_days"] == pytest.approx(4 * 30.4375)

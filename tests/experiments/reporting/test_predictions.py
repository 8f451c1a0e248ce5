from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from data_modules.problems import Problems
from experiments.reporting.predictions import read_predictions, survival_columns, time_note


def write(tmp_path, table: pd.DataFrame) -> Path:
    path = tmp_path / "theirs.csv"
    table.to_csv(path, index=False)
    return path


def told(path, **more) -> list[str]:
    problems = Problems()
    assert read_predictions(path, problems, **more) is None
    return [str(problem).removeprefix(f"{path}, ") for problem in problems.found]


def test_what_was_written_is_read(predictions, tmp_path) -> None:
    problems = Problems()
    read = read_predictions(write(tmp_path, predictions), problems)
    assert not problems.found
    pd.testing.assert_frame_equal(
        read[predictions.columns], predictions, check_dtype=False, rtol=1e-12
    )


def test_five_columns_are_enough(predictions, tmp_path) -> None:
    few = predictions.iloc[:, :5]
    read = read_predictions(write(tmp_path, few), Problems())
    assert list(read.columns) == ["patient_id", "fold", "time_days", "log_hazard", "event"]
    assert read["event"].dtype == bool


def test_every_absent_column_is_named_with_its_meaning(predictions, tmp_path) -> None:
    path = write(tmp_path, predictions[["patient_id", "fold", "time_days"]])
    assert told(path) == [
        "column event: no such column: 1 = it happened, 0 = censored",
        "column log_hazard: no such column: any score; higher is riskier",
    ]


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        ("event", "dead", "row 4, column event: 'dead' is neither 1 nor 0"),
        ("event", "", "row 4, column event: None is neither 1 nor 0"),
        ("time_days", "0", "row 4, column time_days: the time 0 is not positive"),
        ("time_days", "soon", "row 4, column time_days: 'soon' is not a time"),
        ("time_days", "9e9", "row 4, column time_days: 9e+09 cannot be days"),
        ("log_hazard", "", "row 4, column log_hazard: the value is missing"),
        ("log_hazard", "inf", "row 4, column log_hazard: 'inf' is not a number"),
        ("fold", "0.5", "row 4, column fold: 0.5: folds count from 0"),
        ("patient_id", "", "row 4, column patient_id: the patient is missing"),
        ("survival_5y", "1.5", "row 4, column survival_5y: 1.5 is not a probability"),
        ("risk_group", "middle", "row 4, column risk_group: 'middle' is neither low nor high"),
    ],
)
def test_a_bad_cell_is_refused_with_its_place(
    predictions, tmp_path, column, value, message
) -> None:
    table = predictions.astype(object)
    table.loc[2, column] = value
    found = told(write(tmp_path, table))
    assert any(line.startswith(message) for line in found), found


def test_survival_that_rises_is_refused(predictions, tmp_path) -> None:
    table = predictions.assign(survival_10y=1.0)
    assert "survival rises with time" in told(write(tmp_path, table))[0]


def test_a_patient_twice_is_refused_unless_in_another_repeat(predictions, tmp_path) -> None:
    twice = pd.concat([predictions, predictions], ignore_index=True)
    (first, *_) = told(write(tmp_path, twice))
    assert first.endswith("is held out twice: number the repeats in a column `repeat`")
    repeated = twice.assign(repeat=[0] * len(predictions) + [1] * len(predictions))
    read = read_predictions(write(tmp_path, repeated), Problems())
    # Folds of two repeats are different folds.
    assert sorted(read["fold"].unique()) == [0, 1, 2, 3, 4, 5]


def test_a_patient_has_one_follow_up(predictions, tmp_path) -> None:
    other = predictions.assign(repeat=1, time_days=predictions["time_days"] + 1)
    table = pd.concat([predictions.assign(repeat=0), other], ignore_index=True)
    assert "differs from the patient's other rows" in told(write(tmp_path, table))[0]


def test_only_a_model_that_may_have_no_answer_may_lack_log_hazards(predictions, tmp_path) -> None:
    names = ["log_hazard", "risk_group", *survival_columns(predictions.columns).values()]
    path = write(tmp_path, predictions.mask(predictions["fold"].eq(1), other=None).assign(
        **{c: predictions[c] for c in predictions if c not in names}
    ))  # fmt: skip
    read = read_predictions(path, Problems(), gaps=True)
    assert read.loc[read["log_hazard"].isna(), "fold"].unique().tolist() == [1]
    assert any("log_hazard: the value is missing" in line for line in told(path))


def test_times_that_look_like_months_are_noted(predictions) -> None:
    assert "are they months?" in time_note(predictions.assign(time_days=24.0))
    assert time_note(predictions) == ""

from __future__ import annotations

import pandas as pd
import pytest

from data_modules.problems import BadInput
from data_modules.strata import strata

TABLE = pd.DataFrame(
    {
        "subtype": ["A", "A", "B", "B", None, None] * 4,
        "event": [True, False] * 12,
        "stage": ["I"] * 12 + ["II"] * 12,
        "name": [f"n{i}" for i in range(24)],
    }
)


def test_a_column_more_divides_the_strata() -> None:
    labels = strata(TABLE, 2, ("stage",))
    assert labels[0] == "A I event"
    assert labels[-1] == "unknown II censored"
    assert len(set(labels)) == 12
    assert len(set(strata(TABLE, 2))) == 6


def test_a_column_counts_without_subtypes_too() -> None:
    table = TABLE.assign(subtype=None)
    assert set(strata(table, 2, ("stage",))) == {
        "I event", "I censored", "II event", "II censored",
    }  # fmt: skip


def test_what_is_too_rare_counts_by_event() -> None:
    table = TABLE.assign(stage=["I"] * 23 + ["IV"])
    assert strata(table, 2, ("stage",))[-1] == "censored"


def test_columns_that_cannot_divide_are_refused_together() -> None:
    with pytest.raises(BadInput) as error:
        strata(TABLE, 4, ("stages", "name"))
    assert "no column 'stages'; did you mean stage?" in str(error.value)
    assert "'name' has 24 values: folds cannot be alike in them" in str(error.value)

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from experiments.reporting.build import build
from experiments.reporting.schema import SCHEMA
from experiments.reporting.uncertainty import Effort
from experiments.reporting.write import tables, write_table

DOCUMENT = Path(__file__).resolve().parents[3] / "docs" / "report.md"


@pytest.fixture
def report(source):  # noqa: ANN201 - everything
    paper = replace(source.main, name="paper", protocol="paper")
    twin = replace(source, name="paper", arms=(paper,))
    return build([source, twin], (5.0, 10.0), Effort(100, 0))


def as_written(column: str) -> str:
    """The name in the schema of a column of a horizon."""
    for metric in ("c_uno", "auc", "ibs_km", "ibs"):
        if column.startswith(f"{metric}_") and column.endswith("y"):
            return f"{metric}_<years>y"
    return column


def test_every_table_is_the_one_of_the_schema(report) -> None:
    made = tables(report)
    assert set(made) == set(SCHEMA)
    for name, table in made.items():
        columns = list(dict.fromkeys(as_written(str(column)) for column in table))
        assert set(columns) == set(SCHEMA[name].columns), name


def test_json_and_csv_hold_the_same(report, tmp_path) -> None:
    for name, table in tables(report).items():
        write_table(name, table, tmp_path)
        content = json.loads((tmp_path / f"{name}.json").read_text())
        assert content["table"] == name
        assert content["columns"] == SCHEMA[name].columns
        twin = pd.DataFrame(content["rows"])
        read = pd.read_csv(tmp_path / f"{name}.csv", keep_default_na=False, na_values=[""])
        assert list(twin) == list(read)
        numbers = [c for c in read if pd.api.types.is_float_dtype(read[c])]
        for column in numbers:
            both = pd.to_numeric(twin[column]), read[column]
            pd.testing.assert_series_equal(*both, check_dtype=False, rtol=1e-12)


def test_the_document_explains_every_table_and_column() -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    for name, schema in SCHEMA.items():
        _, _, section = text.partition(f"### `{name}`\n")
        section = section.partition("\n### ")[0]
        assert section.strip().startswith(f"A row is {schema.row}."), name
        for column, meaning in schema.columns.items():
            assert f"| `{column}` | {meaning} |" in section, f"{name}: {column}"

from __future__ import annotations

import io
import json
import math

import pandas as pd
from rich.console import Console

from experiments.benchmarks.report import Report, machine, print_report, write_report

REPORT = Report(
    name="thing",
    title="how fast",
    rows=[{"way": "a", "ratio": 1.5}, {"way": "b", "ratio": math.nan}],
    notes=["a note"],
    settings={"size": 3},
)


def test_files_hold_rows_and_machine(tmp_path) -> None:
    write_report(REPORT, tmp_path / "new")
    content = json.loads((tmp_path / "new" / "thing.json").read_text(encoding="utf-8"))
    assert content["rows"] == [{"way": "a", "ratio": 1.5}, {"way": "b", "ratio": None}]
    assert content["settings"] == {"size": 3}
    assert {"cpu", "cores", "torch", "threads"} <= set(content["machine"])
    assert pd.read_csv(tmp_path / "new" / "thing.csv")["way"].tolist() == ["a", "b"]


def test_measurements_go_before_rows_into_the_csv(tmp_path) -> None:
    write_report(Report("thing", "how fast", REPORT.rows, measurements=[{"x": 1}]), tmp_path)
    assert pd.read_csv(tmp_path / "thing.csv").columns.tolist() == ["x"]


def test_what_is_printed_names_everything() -> None:
    out = io.StringIO()
    print_report(REPORT, Console(file=out, width=120))
    for word in ("thing: how fast", "way", "ratio", "1.5", "nan", "a note", machine()["torch"]):
        assert word in out.getvalue()

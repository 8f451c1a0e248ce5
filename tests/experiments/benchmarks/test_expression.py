from __future__ import annotations

import json

import pytest

from experiments.benchmarks import expression
from experiments.benchmarks.expression import WAYS, Settings, child, write_matrix

SMALL = Settings(samples=4, genes=5001)


@pytest.mark.parametrize("way", WAYS)
def test_a_small_matrix_in_this_process(tmp_path, way, monkeypatch, capsys) -> None:
    path = tmp_path / WAYS[way][0]
    write_matrix(path, way, SMALL)
    monkeypatch.setattr("sys.argv", ["-c", str(path), way])
    child()
    measured = json.loads(capsys.readouterr().out)
    assert measured["seconds"] > 0
    assert measured["peak"] > 10 * expression.MIB


def test_tiny_settings() -> None:
    report = expression.measure(Settings(samples=3, genes=5001, ways=("table, counts",)))
    (row,) = report.rows
    assert row["matrix"] == "table, counts"
    assert row["ratio"] > 0


def test_a_process_that_fails_is_not_measured(tmp_path) -> None:
    with pytest.raises(RuntimeError, match=r"expression child .* ended with 1:\nTraceback"):
        expression._read(tmp_path / "absent.tsv", "xena, log2_rsem")

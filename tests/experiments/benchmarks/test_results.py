from __future__ import annotations

from experiments.benchmarks import __main__ as command
from experiments.benchmarks.report import Report, write_report


def test_what_was_measured_becomes_tables(tmp_path, capsys) -> None:
    rows = [{"measure": "an epoch", "value": 1.23456, "bar": ">= 1"}]
    write_report(Report("large", "large bags", rows, ["a note"]), tmp_path)
    write_report(Report("epoch", "an epoch", [{"ratio": float("nan")}]), tmp_path)
    path = tmp_path / "RESULTS.md"
    assert command.main(["--out", str(tmp_path), "--markdown", str(path)]) == 0
    text = path.read_text(encoding="utf-8")
    assert "| an epoch | 1.23 | >= 1 |" in text
    assert "- a note" in text
    assert text.index("## epoch") < text.index("## large")
    assert "nan" not in text
    assert "threads" in text
    assert "epoch, large" in capsys.readouterr().out


def test_nothing_measured_is_said(tmp_path, capsys) -> None:
    assert command.main(["--out", str(tmp_path), "--markdown", str(tmp_path / "R.md")]) == 0
    assert "no benchmark has left a result" in capsys.readouterr().out

from __future__ import annotations

import json
from importlib import import_module

import pytest

from experiments.benchmarks import __main__ as command
from experiments.benchmarks.report import Report


def test_without_names_the_quick_ones_run(tmp_path, monkeypatch, capsys) -> None:
    names: list[str] = []

    def measure(name: str) -> Report:
        names.append(name)
        return Report(name, "how fast", [{"ratio": 1.0}])

    monkeypatch.setattr(command, "measure_alone", measure)
    monkeypatch.setattr(command.large, "measure", lambda settings, done: measure("large"))
    assert command.main(["--out", str(tmp_path)]) == 0
    assert tuple(names) == command.QUICK
    printed = capsys.readouterr().out
    for name in names:
        assert json.loads((tmp_path / f"{name}.json").read_text(encoding="utf-8"))["rows"]
        assert (tmp_path / f"{name}.csv").is_file()
        assert f"{name}: how fast" in printed


def test_flags_reach_fusions(tmp_path, monkeypatch, capsys) -> None:
    asked = []
    report = Report("fusions", "how well", [{"c_index": 0.5}])

    def measure(settings, out, *, done) -> Report:
        asked.append(settings)
        done(report, "a line on the latest run")
        assert (out / "fusions.json").is_file()
        return report

    monkeypatch.setattr(command.fusions, "measure", measure)
    flags = ["fusions", "--patients", "40", "50", "--seeds", "3", "--arms", "concat", "--jobs", "2"]
    assert command.main([*flags, "--out", str(tmp_path), "--", "--folds", "3"]) == 0
    assert asked == [command.fusions.Settings((40, 50), (3,), ("concat",), 2, ("--folds", "3"))]
    assert "a line on the latest run" in capsys.readouterr().out


def test_flags_reach_real(tmp_path, monkeypatch) -> None:
    asked = []

    def measure(settings, out, *, done) -> Report:
        asked.append(settings)
        return Report("real", "how well", [{"c_index": 0.5}])

    monkeypatch.setattr(command.real, "measure", measure)
    flags = ["real", "--presets", "tcga_brca_luminal", "--endpoints", "PFI", "--seeds", "3"]
    assert command.main([*flags, "--out", str(tmp_path), "--", "--folds", "3"]) == 0
    assert asked == [
        command.real.Settings(("tcga_brca_luminal",), ("PFI",), (3,), 1, ("--folds", "3"))
    ]


def test_flags_reach_choices(tmp_path, monkeypatch) -> None:
    asked = []

    def measure(settings, out, *, done) -> Report:
        asked.append(settings)
        return Report("choices", "how well", [{"c_index": 0.5}])

    monkeypatch.setattr(command.choices, "measure", measure)
    assert command.main(["choices", "--seeds", "3", "--jobs", "2", "--out", str(tmp_path)]) == 0
    assert asked == [command.choices.Settings(seeds=(3,), jobs=2)]


def test_large_can_have_fewer_bags_and_parts(tmp_path, monkeypatch) -> None:
    asked = []

    def measure(settings, done, parts=()) -> Report:
        asked.append((settings.bags, settings.memory_bags, tuple(parts)))
        return Report("large", "how fast", [{"measure": "epoch", "ratio": 0.5}])

    monkeypatch.setattr("experiments.benchmarks.large.measure", measure)
    assert command.main(["large", "--bags", "24", "--out", str(tmp_path)]) == 0
    assert command.main(["large", "--parts", "epochs", "long", "--out", str(tmp_path)]) == 0
    assert asked == [(24, 24, ()), (200, 48, ("epochs", "long"))]


def test_an_unknown_name_is_refused(capsys) -> None:
    with pytest.raises(SystemExit, match="2"):
        command.main(["epoc"])
    assert "no such benchmark: epoc" in capsys.readouterr().err


def test_every_name_has_its_file() -> None:
    for name in (*command.QUICK, *command.SLOW):
        assert import_module(f"experiments.benchmarks.{name}").measure

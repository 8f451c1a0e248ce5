from __future__ import annotations

import pytest

from experiments.benchmarks import startup


@pytest.mark.slow
def test_the_commands_run(tmp_path) -> None:
    startup._python(tmp_path, "-m", "experiments.run", "--help")
    flags = ["--toy.patients", "40", "--modalities", "clinical", "--logger", "csv", "--out", "run"]
    startup._python(tmp_path, "-c", startup.FIRST_EPOCH, *flags, code=startup.REACHED)
    assert (tmp_path / "run" / "config.yaml").is_file()
    assert not list(tmp_path.glob("run/fold*/last.ckpt"))


def test_every_command_is_timed(monkeypatch) -> None:
    asked: list[str] = []
    monkeypatch.setattr(startup, "_python", lambda home, *words, code=0: asked.append(words[-1]))
    report = startup.measure(startup.Settings(patients=40, repetitions=2))
    assert [row["command"] for row in report.rows] == [
        "import torch",
        "run --help",
        "run, to the first epoch",
    ]
    assert len(report.measurements) == 6
    assert len(asked) == 9


def test_a_command_that_fails_is_not_timed(tmp_path) -> None:
    with pytest.raises(RuntimeError, match="ended with 3"):
        startup._python(tmp_path, "-c", "raise SystemExit(3)")

"""The whole command; its parts are tested in sweeping/."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

import experiments
from experiments import cross_validation, over_dask
from experiments.sweep import main

ROOM = Path(experiments.__file__).parent
TINY = [
    "--toy.patients", "40", "--toy.patches_min=2", "--toy.patches_max=4", "--toy.censoring=0.2",
    "--folds=2", "--trainer.max_epochs=1", "--trainer.threads=1", "--model.heads=2",
    "--model.width=8", "--baselines=false",
]  # fmt: skip


@pytest.fixture
def small(tmp_path, monkeypatch) -> str:
    """A sweep file over two poolings, in the current folder."""
    monkeypatch.chdir(tmp_path)
    content = yaml.safe_load((ROOM / "sweeps" / "table1.yaml").read_text(encoding="utf-8"))
    content |= {"name": "small", "parameters": {"pooling": {"values": ["mean", "abmil"]}}}
    (tmp_path / "small.yaml").write_text(yaml.safe_dump(content))
    return "small.yaml"


def test_a_sweep_from_the_command_to_the_page(small, tmp_path, capsys) -> None:
    command = [small, *TINY]
    assert main(command) == 0
    folder = tmp_path / "runs" / "sweep-small"
    left = {path.name for path in folder.iterdir()}
    assert {"leaderboard.csv", "leaderboard.json", "sweep.html", "winner.yaml"} <= left
    rows = json.loads((folder / "leaderboard.json").read_text())["rows"]
    assert [row["rank"] for row in rows] == [1, 2]
    printed = capsys.readouterr().out
    assert f"results: {folder}" in printed
    assert "configuration 2 of 2" in printed
    # Again: nothing is left to run.
    assert main(command) == 0
    assert "configuration 2 of 2" not in capsys.readouterr().out


@pytest.mark.slow
def test_a_sweep_over_dask_shares_its_configurations(small, tmp_path, forking) -> None:
    import dask
    import distributed  # noqa: F401 - its defaults come first

    how = {"distributed.worker.multiprocessing-method": "forkserver"}
    with forking(), dask.config.set(how):
        assert main([small, *TINY, "--cluster", "local", "--jobs", "2"]) == 0
    folder = tmp_path / "runs" / "sweep-small"
    rows = json.loads((folder / "leaderboard.json").read_text())["rows"]
    assert [row["rank"] for row in rows] == [1, 2]
    assert len(list(folder.glob("runs/*/metrics.json"))) == 2


def test_checking_runs_nothing(tmp_path, monkeypatch, capsys) -> None:
    monkeypatch.chdir(tmp_path)
    assert main([str(ROOM / "sweeps" / "fusion.yaml"), "--check"]) == 0
    assert "grid, 40 configurations, cv/inner_c_index" in capsys.readouterr().out
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("flags", "told"),
    [
        (["--fusoin=concat"], "--fusoin=concat"),
        (["--pooling=mean"], "pooling: is swept"),
        (["--count", "-1"], "--count: -1"),
        (["--push"], "no such sweep has run"),
        (["--jobs", "0"], "--jobs: 0"),
        (["--cluster", "cloud", "--folder", "sweep"], "'cloud' is no cluster"),
        (["--cluster", "tcp://127.0.0.1:9", "--folder", "sweep"], "no scheduler answers"),
    ],
)
def test_bad_flags_end_with_code_two_before_anything_runs(
    small, flags, told, tmp_path, monkeypatch, capsys
) -> None:
    monkeypatch.setattr(over_dask, "TIMEOUT", 0.3)
    assert main([small, *flags]) == 2
    assert told in capsys.readouterr().err
    assert not list(tmp_path.rglob("metrics.json"))
    assert not (tmp_path / "sweep").exists()


def test_a_sweep_in_which_nothing_runs_says_so_and_fails(small, capsys) -> None:
    assert main([small, *TINY, "--endpoint=XYZ"]) == 1
    assert "XYZ" in capsys.readouterr().out


def test_a_full_disk_ends_the_sweep_with_what_to_do_and_the_next_call_goes_on(
    small, monkeypatch, capsys, unrendered
) -> None:
    def full(*rest: object, **named: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "metrics.json")

    with monkeypatch.context() as patch:
        patch.setattr(cross_validation, "write_json", full)
        assert main([small, *TINY]) == 1
    said = capsys.readouterr().err
    assert "No space left" in said
    assert "the same command goes on" in said
    assert main([small, *TINY]) == 0


@pytest.mark.parametrize(
    ("number", "code"), [(errno.EROFS, 2), (errno.EACCES, 2), (errno.ENOSPC, 1)]
)
def test_a_folder_that_takes_nothing_is_told_in_a_line(
    small, number, code, monkeypatch, capsys
) -> None:
    def refuse(self: Path, *rest: object, **named: object) -> None:
        raise OSError(number, os.strerror(number), str(self))

    monkeypatch.setattr(Path, "mkdir", refuse)
    assert main([small]) == code
    (line,) = capsys.readouterr().err.splitlines()
    assert "runs/sweep-small: " in line
    assert os.strerror(number) in line


def test_help_answers_without_heavy_imports() -> None:
    code = (
        "import sys; from experiments.sweep import parser\n"
        "text = parser().format_help()\n"
        "assert not {'torch', 'optuna', 'pandas', 'wandb'} & set(sys.modules)\n"
        "print(text)"
    )
    out = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOM.parent, capture_output=True, text=True, check=True
    ).stdout
    for words in ("--jobs", "--cluster", "--push", "goes on where it was left"):
        assert words in out

"""How long until something happens? `--help`, and the first epoch of the toy run.

As ratios to importing torch alone, which no command here can undercut once it trains.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path

from experiments.benchmarks.clock import interleaved, median_ratio
from experiments.benchmarks.fresh import finding_us
from experiments.benchmarks.report import Report, Row

HELP_GOAL_SECONDS = 3
# The run command as it is, ended where its progress line hears that the first epoch begins.
FIRST_EPOCH = """
import os, sys
from experiments import run
from experiments.progress import EpochProgress
EpochProgress.on_train_epoch_start = lambda *of_the_hook: os._exit(42)
sys.exit(run.main(sys.argv[1:]))
"""
REACHED = 42


@dataclass(frozen=True)
class Settings:
    """What is measured.

    Attributes:
        patients: Size of the toy cohort.
        repetitions: Of every command.
    """

    patients: int = 400
    repetitions: int = 3


def measure(settings: Settings) -> Report:
    """Times fresh processes, in turns."""
    with tempfile.TemporaryDirectory() as name:
        home = Path(name)
        toy = ["--toy.patients", str(settings.patients)]
        counter = iter(range(1_000_000))

        def first_epoch() -> None:
            out = ["--out", f"run{next(counter)}"]
            _python(home, "-c", FIRST_EPOCH, *toy, *out, "--wandb.mode", "offline", code=REACHED)

        # The warm-up round builds the toy cohort and brings the libraries into the file cache.
        times = interleaved(
            {
                "import torch": lambda: _python(home, "-c", "import torch"),
                "run --help": lambda: _python(home, "-m", "experiments.run", "--help"),
                "run, to the first epoch": first_epoch,
            },
            repetitions=settings.repetitions,
        )
    baseline = times["import torch"]
    rows: list[Row] = [
        {
            "command": command,
            "seconds": statistics.median(seconds),
            "ratio": median_ratio(seconds, baseline),
        }
        for command, seconds in times.items()
    ]
    return Report(
        name="startup",
        title="seconds of a fresh process, toy cohort built before",
        rows=rows,
        notes=[f"goal: --help within {HELP_GOAL_SECONDS} s"],
        settings=asdict(settings),
        measurements=[
            {"command": command, "repetition": i, "seconds": s}
            for command, seconds in times.items()
            for i, s in enumerate(seconds)
        ],
    )


def _python(home: Path, *words: str, code: int = 0) -> None:
    """Runs Python in a folder.

    Raises:
        RuntimeError: It ended otherwise than expected.
    """
    done = subprocess.run(
        [sys.executable, *words],
        cwd=home,
        env=finding_us(),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != code:
        raise RuntimeError(f"{words} ended with {done.returncode}:\n{done.stdout}{done.stderr}")

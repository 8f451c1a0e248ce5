"""Runs of `experiments.run` as parts of a study: several at a time, continued where left."""

from __future__ import annotations

import contextlib
import json
import math
import multiprocessing
import time
import traceback
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple


class Run(NamedTuple):
    """One cross-validation.

    Attributes:
        folder: The run folder; the log lies beside it.
        flags: Of `experiments.run`, without `--out`.
    """

    folder: Path
    flags: tuple[str, ...]

    @property
    def command(self) -> list[str]:
        """All flags."""
        return [*self.flags, "--out", str(self.folder)]

    @property
    def log(self) -> Path:
        """What the run printed."""
        return self.folder.with_suffix(".log")


class Outcome(NamedTuple):
    """What a finished run found: its metrics, how long it took and what code it was."""

    metrics: dict[str, dict[str, float]]
    patients: int
    events: int
    seconds: float
    commit: str

    def mean(self, metric: str) -> float:
        """Over the folds; NaN where it cannot be computed."""
        value = self.metrics[metric]["mean"]
        return math.nan if value is None else float(value)


def run_all(runs: Sequence[Run], jobs: int) -> Iterator[tuple[Run, Outcome | str]]:
    """Finishes every run, in any order; one that fails yields why."""
    if jobs == 1:
        for run in runs:
            yield run, outcome(run)
        return
    # Spawned, not forked: a forked process may inherit locked threads of PyTorch.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(jobs, mp_context=context) as pool:
        futures = {pool.submit(outcome, run): run for run in runs}
        for future in as_completed(futures):
            yield futures[future], future.result()


def outcome(run: Run) -> Outcome | str:
    """Of a run, made where it is not finished; or why there is none."""
    from data_modules.problems import BadInput
    from experiments.parsing import parse_run
    from experiments.run_folder import open_run_folder

    scores_file = run.folder / "metrics.json"
    try:
        if scores_file.is_file():
            # Refuses a run that was made with other flags.
            open_run_folder(replace(parse_run(run.command), resume=True), run.folder)
        else:
            _make(run)
    except BadInput as error:
        return str(error)
    if not scores_file.is_file():
        return f"{run.folder}: failed, see {run.log}"
    scores = json.loads(scores_file.read_text(encoding="utf-8"))
    environment = json.loads((run.folder / "environment.json").read_text(encoding="utf-8"))
    started = (run.folder / "config.yaml").stat().st_mtime
    return Outcome(
        metrics=scores["cv"],
        patients=scores["patients"],
        events=scores["events"],
        seconds=scores_file.stat().st_mtime - started,
        commit=environment["commit"],
    )


def _make(run: Run) -> None:
    from experiments.run import main

    resume = ["--resume"] if (run.folder / "config.yaml").is_file() else []
    run.log.parent.mkdir(parents=True, exist_ok=True)
    with (
        run.log.open("a", encoding="utf-8") as log,
        contextlib.redirect_stdout(log),
        contextlib.redirect_stderr(log),
    ):
        print(time.strftime("%Y-%m-%d %H:%M:%S"), *run.command)
        try:
            main([*run.command, *resume])
        except Exception:
            # The other runs go on; this one is reported at the end and continued next time.
            traceback.print_exc()

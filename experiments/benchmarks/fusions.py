"""Does joining the modalities pay? Arms compared by nested cross-validation on toy cohorts.

Every seed is a cohort, its folds and its networks anew, so that differences between arms are paired
by cohort and vary over cohorts. Slow: runs only when named, and continues where it was left.
"""

from __future__ import annotations

import contextlib
import json
import math
import multiprocessing
import statistics
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

from experiments.benchmarks.report import Report, Row

ARMS: dict[str, tuple[str, ...]] = {
    "dual_xattn": ("--fusion", "dual_xattn"),
    "concat": ("--fusion", "concat"),
    "image": ("--modalities", "image"),
    "genes": ("--modalities", "genes"),
    "clinical": ("--modalities", "clinical"),
}
REFERENCE = "dual_xattn"


@dataclass(frozen=True)
class Settings:
    """What is compared.

    Attributes:
        patients: Cohort sizes.
        seeds: Of cohort, folds and networks together.
        arms: Keys of `ARMS`.
        jobs: Runs at a time, each with one thread.
        flags: More flags of `experiments.run`, for every arm.
    """

    patients: tuple[int, ...] = (400,)
    seeds: tuple[int, ...] = (0, 1, 2, 3, 4)
    arms: tuple[str, ...] = tuple(ARMS)
    jobs: int = 1
    flags: tuple[str, ...] = ()


class Task(NamedTuple):
    """One cross-validation."""

    patients: int
    seed: int
    arm: str
    folder: Path
    flags: tuple[str, ...]


def measure(
    settings: Settings, out: Path, *, done: Callable[[Report, Row], None] | None = None
) -> Report:
    """Runs what is not finished in `out`/fusions and compares the arms.

    Args:
        settings: What is compared.
        out: Holds a run folder for every cohort size, seed and arm.
        done: Told the report so far and the latest run.

    Raises:
        RuntimeError: A run failed; the others are finished first.
    """
    tasks = _tasks(settings, out / "fusions")
    finished: dict[Task, Row] = {}
    failed: list[str] = []
    for task, result in _results(tasks, settings.jobs):
        if isinstance(result, str):
            failed.append(result)
            continue
        finished[task] = result
        if done is not None:
            done(_report(settings, [finished[t] for t in tasks if t in finished]), result)
    if failed:
        raise RuntimeError("\n".join(failed))
    return _report(settings, [finished[task] for task in tasks])


def _tasks(settings: Settings, folder: Path) -> list[Task]:
    tasks = []
    for patients in settings.patients:
        for seed in settings.seeds:
            for arm in settings.arms:
                home = folder / f"{patients}" / f"seed{seed}" / arm
                flags = (
                    "--cohort", "toy", *ARMS[arm], "--toy.patients", str(patients),
                    "--toy.seed", str(seed), "--seed", str(seed), "--protocol", "nested",
                    "--logger", "csv", "--trainer.threads", "1", *settings.flags,
                    "--out", str(home),
                )  # fmt: skip
                tasks.append(Task(patients, seed, arm, home, flags))
    return tasks


def _results(tasks: Sequence[Task], jobs: int) -> Iterator[tuple[Task, Row | str]]:
    if jobs == 1:
        for task in tasks:
            yield task, _row(task)
        return
    # Spawned, not forked: a forked process may inherit locked threads of PyTorch.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(jobs, mp_context=context) as pool:
        futures = {pool.submit(_row, task): task for task in tasks}
        for future in as_completed(futures):
            yield futures[future], future.result()


def _row(task: Task) -> Row | str:
    """The scores of a run, made where it is not finished; or why there are none."""
    from data_modules.problems import BadInput
    from data_modules.toy import toy_folder
    from experiments.cohorts import TOY_ROOT
    from experiments.parsing import parse_run
    from experiments.run_folder import open_run_folder

    config = parse_run(list(task.flags))
    scores_file = task.folder / "metrics.json"
    try:
        if scores_file.is_file():
            # Refuses a run that was made with other flags.
            open_run_folder(replace(config, resume=True), task.folder)
        else:
            _run(task)
    except BadInput as error:
        return str(error)
    if not scores_file.is_file():
        return f"{task.folder}: failed, see {_log(task)}"
    scores = json.loads(scores_file.read_text(encoding="utf-8"))
    oracle_file = toy_folder(config.toy, TOY_ROOT) / "oracle.json"
    oracle = json.loads(oracle_file.read_text(encoding="utf-8"))["c_index"]["oracle"]
    started = (task.folder / "config.yaml").stat().st_mtime
    c_index = scores["cv"]["c_index"]["mean"]
    c_index = math.nan if c_index is None else float(c_index)
    environment = json.loads((task.folder / "environment.json").read_text(encoding="utf-8"))
    return {
        "patients": task.patients,
        "seed": task.seed,
        "arm": task.arm,
        "c_index": c_index,
        "oracle": oracle,
        "covered": (c_index - 0.5) / (oracle - 0.5),
        "seconds": scores_file.stat().st_mtime - started,
        "commit": environment["commit"],
    }


def _run(task: Task) -> None:
    from experiments.run import main

    flags = list(task.flags)
    if (task.folder / "config.yaml").is_file():
        flags.append("--resume")
    _log(task).parent.mkdir(parents=True, exist_ok=True)
    with (
        _log(task).open("a", encoding="utf-8") as log,
        contextlib.redirect_stdout(log),
        contextlib.redirect_stderr(log),
    ):
        print(time.strftime("%Y-%m-%d %H:%M:%S"), *flags)
        try:
            main(flags)
        except Exception:
            # The other runs go on; this one is reported at the end and continued next time.
            traceback.print_exc()


def _log(task: Task) -> Path:
    return task.folder.with_suffix(".log")


def _report(settings: Settings, measurements: list[Row]) -> Report:
    rows = []
    for patients in settings.patients:
        for arm in settings.arms:
            row = _summary(measurements, patients, arm)
            if row is not None:
                rows.append(row)
    return Report(
        name="fusions",
        title="held-out C-index of each arm, nested cross-validation on toy cohorts",
        rows=rows,
        notes=[
            "covered: share of the distance from 0.5 to the C-index of the true log hazard",
            f"less: {REFERENCE} minus the arm on the same cohort and folds, mean and sd over seeds",
        ],
        settings=asdict(settings),
        measurements=measurements,
    )


def _summary(measurements: list[Row], patients: int, arm: str) -> Row | None:
    """One arm on cohorts of one size; None before its first run."""
    own = _by_seed(measurements, patients, arm, "c_index")
    if not own:
        return None
    covered = _by_seed(measurements, patients, arm, "covered")
    oracle = _by_seed(measurements, patients, arm, "oracle")
    reference = _by_seed(measurements, patients, REFERENCE, "c_index")
    less = [reference[seed] - own[seed] for seed in own if seed in reference and arm != REFERENCE]
    return {
        "patients": patients,
        "arm": arm,
        "seeds": len(own),
        "c_index": statistics.fmean(own.values()),
        "sd": _sd(list(own.values())),
        "oracle": statistics.fmean(oracle.values()),
        "covered": statistics.fmean(covered.values()),
        "least_covered": min(covered.values()),
        "less": statistics.fmean(less) if less else math.nan,
        "less_sd": _sd(less),
        "positive": f"{sum(d > 0 for d in less)}/{len(less)}" if less else "",
    }


def _by_seed(measurements: list[Row], patients: int, arm: str, column: str) -> dict[Any, float]:
    return {
        row["seed"]: row[column]
        for row in measurements
        if row["patients"] == patients and row["arm"] == arm
    }


def _sd(values: list[float]) -> float:
    return statistics.stdev(values) if len(values) > 1 else math.nan

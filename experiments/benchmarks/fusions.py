"""Does joining the modalities pay? Arms compared by nested cross-validation on toy cohorts.

Every seed is a cohort, its folds and its networks anew, so that differences between arms are paired
by cohort and vary over cohorts. Slow: runs only when named, and continues where it was left.
"""

from __future__ import annotations

import json
import math
import statistics
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple

from experiments.benchmarks.report import Report, Row
from experiments.benchmarks.runs import Outcome, Run, run_all

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


class Arm(NamedTuple):
    """Which cohort and what is compared on it."""

    patients: int
    seed: int
    name: str


def measure(
    settings: Settings, out: Path, *, done: Callable[[Report, str], None] | None = None
) -> Report:
    """Runs what is not finished in `out`/fusions and compares the arms.

    Args:
        settings: What is compared.
        out: Holds a run folder for every cohort size, seed and arm.
        done: Told the report so far and a line on the latest run.

    Raises:
        RuntimeError: A run failed; the others are finished first.
    """
    arms = {_run(arm, settings.flags, out / "fusions"): arm for arm in _arms(settings)}
    finished: dict[Run, Row] = {}
    failed: list[str] = []
    for run, result in run_all(list(arms), settings.jobs):
        if isinstance(result, str):
            failed.append(result)
            continue
        finished[run] = _row(arms[run], run, result)
        if done is not None:
            so_far = _report(settings, [finished[r] for r in arms if r in finished])
            done(so_far, _line(finished[run]))
    if failed:
        raise RuntimeError("\n".join(failed))
    return _report(settings, [finished[run] for run in arms])


def _arms(settings: Settings) -> list[Arm]:
    return [
        Arm(patients, seed, name)
        for patients in settings.patients
        for seed in settings.seeds
        for name in settings.arms
    ]


def _run(arm: Arm, flags: tuple[str, ...], folder: Path) -> Run:
    return Run(
        folder / f"{arm.patients}" / f"seed{arm.seed}" / arm.name,
        (
            "--cohort", "toy", *ARMS[arm.name], "--toy.patients", str(arm.patients),
            "--toy.seed", str(arm.seed), "--seed", str(arm.seed), "--protocol", "nested",
            "--logger", "csv", "--baselines", "false", *flags,
        ),
    )  # fmt: skip


def _row(arm: Arm, run: Run, outcome: Outcome) -> Row:
    from data_modules.toy import toy_folder
    from experiments.cohorts import TOY_ROOT
    from experiments.parsing import parse_run

    oracle_file = toy_folder(parse_run(run.command).toy, TOY_ROOT) / "oracle.json"
    oracle = json.loads(oracle_file.read_text(encoding="utf-8"))["c_index"]["oracle"]
    c_index = outcome.mean("c_index")
    return {
        "patients": arm.patients,
        "seed": arm.seed,
        "arm": arm.name,
        "c_index": c_index,
        "oracle": oracle,
        "covered": (c_index - 0.5) / (oracle - 0.5),
        "seconds": outcome.seconds,
        "commit": outcome.commit,
    }


def _line(row: Row) -> str:
    where = f"{row['patients']} patients, seed {row['seed']}, {row['arm']}"
    return f"{where}: C-index {row['c_index']:.3f} ({row['seconds']:.0f} s)"


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

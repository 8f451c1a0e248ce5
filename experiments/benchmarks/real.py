"""Real patients: the shipped presets beside a classical Cox regression, in the same folds.

The regression sees the clinical variables alone and is fitted on everybody outside the fold; the
network gives a fifth of those patients away to stop its training.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import NamedTuple

from experiments.benchmarks.report import Report, Row
from experiments.benchmarks.runs import Outcome, Run, run_all

CONFIGS = Path(__file__).parents[1] / "configs"
# Arms by preset; the first is the preset itself.
PRESETS: dict[str, tuple[str, ...]] = {
    "tcga_brca_luminal_no_image": ("genes clinical", "genes", "clinical"),
    "tcga_brca_luminal": (
        "image genes clinical", "genes clinical", "image clinical", "image", "genes", "clinical",
    ),
}  # fmt: skip
ENDPOINTS = ("OS", "PFI")
REGRESSION = "clinical CoxPH"


@dataclass(frozen=True)
class Settings:
    """What is run.

    Attributes:
        presets: Keys of `PRESETS`.
        endpoints: Of the manifests.
        seeds: Of folds and networks together.
        jobs: Runs at a time, each with one thread.
        flags: More flags of `experiments.run`, for every run.
    """

    presets: tuple[str, ...] = tuple(PRESETS)
    endpoints: tuple[str, ...] = ENDPOINTS
    seeds: tuple[int, ...] = (0, 1, 2, 3, 4)
    jobs: int = 1
    flags: tuple[str, ...] = ()


class Arm(NamedTuple):
    """Which patients, which outcome, and what the network sees."""

    preset: str
    endpoint: str
    seed: int
    modalities: str


def measure(
    settings: Settings, out: Path, *, done: Callable[[Report, str], None] | None = None
) -> Report:
    """Runs what is not finished in `out`/real and sets the regression beside it.

    Args:
        settings: What is run.
        out: Holds a run folder for every preset, endpoint, seed and set of modalities.
        done: Told the report so far and a line on the latest run.

    Raises:
        RuntimeError: A run failed; the others are finished first.
    """
    runs = {_run(arm, settings.flags, out / "real"): arm for arm in _arms(settings)}
    rows: list[Row] = []
    failed: list[str] = []
    for run, result in run_all(list(runs), settings.jobs):
        arm = runs[run]
        if isinstance(result, str):
            failed.append(result)
            continue
        rows.append(_row(arm, arm.modalities, result, result.mean("c_index")))
        if arm.modalities == PRESETS[arm.preset][0]:
            rows.append(_row(arm, REGRESSION, result, regression_c_index(run)))
        if done is not None:
            what = f"{arm.preset}, {arm.endpoint}, seed {arm.seed}, {arm.modalities}"
            done(_report(settings, rows), f"{what}: C-index {result.mean('c_index'):.3f}")
    if failed:
        raise RuntimeError("\n".join(failed))
    return _report(settings, rows)


def regression_c_index(run: Run) -> float:
    """Mean C-index of an unpenalised Cox regression on the clinical variables, in a run's folds."""
    from rich.console import Console

    from data_modules.folds import make_folds, read_folds
    from experiments.baselines import cox
    from experiments.baselines.inputs import fold_inputs, pool_image
    from experiments.baselines.model import Sample
    from experiments.cohorts import open_cohort
    from experiments.parsing import parse_run
    from mmsurv.metrics.functional import concordance

    config = parse_run([*run.command, "--modalities", "clinical"])
    cohort = open_cohort(config, Console(quiet=True))
    theirs = read_folds(run.folder / "folds.csv", cohort, config.protocol)
    drawn = make_folds(cohort, n_folds=config.folds, protocol="paper", seed=config.seed)
    scores = []
    for k in range(config.folds):
        if drawn.patients(k, "test") != theirs.patients(k, "test"):
            raise RuntimeError(f"{run.folder}: fold {k} is not the one that its seed draws")
        inputs = fold_inputs(cohort, theirs, k, pool_image(cohort))
        (event, time), (test_event, test_time) = (
            (table["event"].to_numpy(bool), table["time_days"].to_numpy(float))
            for table in (inputs.known, inputs.scored)
        )
        sample = Sample(inputs.training["clinical"], event, time, config.seed)
        risk = cox.fit(sample, inputs.held_out["clinical"]).held_out
        scores.append(concordance(log_hazard=risk, event=test_event, time=test_time).value)
    return statistics.fmean(scores)


def _arms(settings: Settings) -> list[Arm]:
    return [
        Arm(preset, endpoint, seed, modalities)
        for preset in settings.presets
        for endpoint in settings.endpoints
        for seed in settings.seeds
        for modalities in PRESETS[preset]
    ]


def _run(arm: Arm, flags: tuple[str, ...], folder: Path) -> Run:
    return Run(
        folder / arm.preset / arm.endpoint / f"seed{arm.seed}" / arm.modalities.replace(" ", "-"),
        (
            "--config", str(CONFIGS / f"{arm.preset}.yaml"), "--fusion", "dual_xattn",
            "--endpoint", arm.endpoint, "--modalities", *arm.modalities.split(),
            "--seed", str(arm.seed), "--logger", "csv", "--baselines", "false", *flags,
        ),
    )  # fmt: skip


def _row(arm: Arm, name: str, outcome: Outcome, c_index: float) -> Row:
    row = {**arm._asdict(), "arm": name, "patients": outcome.patients, "events": outcome.events}
    del row["modalities"]
    return row | {"c_index": c_index, "commit": outcome.commit}


def _report(settings: Settings, measurements: list[Row]) -> Report:
    rows = []
    for preset in settings.presets:
        for endpoint in settings.endpoints:
            for name in (REGRESSION, *PRESETS[preset]):
                row = _summary(measurements, preset, endpoint, name)
                if row is not None:
                    rows.append(row)
    return Report(
        name="real",
        title="held-out C-index on TCGA-BRCA luminal, nested cross-validation, over seeds",
        rows=rows,
        notes=[
            f"{REGRESSION}: unpenalised, fitted on everybody outside the fold, same folds",
            f"more: the arm minus {REGRESSION}, mean over seeds; positive: seeds where it is more",
        ],
        settings=asdict(settings),
        measurements=measurements,
    )


def _summary(measurements: list[Row], preset: str, endpoint: str, name: str) -> Row | None:
    """One arm on one cohort; None before its first run."""
    cohort = [m for m in measurements if (m["preset"], m["endpoint"]) == (preset, endpoint)]
    own = {m["seed"]: m["c_index"] for m in cohort if m["arm"] == name}
    if not own:
        return None
    regression = {m["seed"]: m["c_index"] for m in cohort if m["arm"] == REGRESSION}
    more = [own[s] - regression[s] for s in own if s in regression and name != REGRESSION]
    values = list(own.values())
    return {
        "preset": preset,
        "endpoint": endpoint,
        "patients": cohort[0]["patients"],
        "events": cohort[0]["events"],
        "arm": name,
        "seeds": len(own),
        "c_index": statistics.fmean(values),
        "sd": statistics.stdev(values) if len(values) > 1 else math.nan,
        "more": statistics.fmean(more) if more else math.nan,
        "positive": f"{sum(d > 0 for d in more)}/{len(more)}" if more else "",
    }

"""What do cheaper or other ways of training do to the C-index? The default beside each, by seed.

On toy cohorts: latent pooling, a part of the patches, bfloat16, and the whole cohort as risk set;
on real patients, where they are there, batch and cohort as risk set of the same small network. A
seed is cohort, folds and networks together. Beside the C-index stands what tells a steady training
from a shaky one: the epoch of the kept weights, and the spread of the C-index over folds.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from experiments.benchmarks.report import Report, Row
from experiments.benchmarks.runs import Outcome, Run, run_all

CONFIGS = Path(__file__).parents[1] / "configs"
REAL = CONFIGS.parents[2] / "shared" / "data" / "tcga_brca"
DEFAULT = "default"
# A toy slide has 24 to 72 patches: as large a part as 1,024 of 500 to 4,000.
WAYS: dict[str, tuple[str, ...]] = {
    DEFAULT: (),
    "pooling latent": ("--pooling", "latent"),
    "22 patches drawn": ("--data.max_patches", "22"),
    "bf16-mixed": ("--trainer.precision", "bf16-mixed"),
    "risk set cohort": ("--risk_set", "cohort"),
}
REAL_WAYS: dict[str, tuple[str, ...]] = {
    DEFAULT: (),
    "risk set cohort": ("--risk_set", "cohort"),
}
REAL_FLAGS = (
    "--config", str(CONFIGS / "tcga_brca_luminal_no_image.yaml"), "--fusion", "dual_xattn",
    "--inner", "fixed", "--ensemble", "1", "--data.batch_size", "12",
    "--model.linear", "learned", "--model.gene_start", "none",
)  # fmt: skip
# The mean difference of the C-index that is held to be none.
MOST = 0.01


@dataclass(frozen=True)
class Settings:
    """What is compared.

    Attributes:
        patients: Of a toy cohort.
        seeds: Of cohort, folds and networks together.
        real: Folder of the real tables; they are left out where it is not there.
        jobs: Runs at a time, each with one thread.
        flags: More flags of `experiments.run`, for every run.
    """

    patients: int = 400
    seeds: tuple[int, ...] = (0, 1, 2, 3)
    real: str = str(REAL)
    jobs: int = 2
    flags: tuple[str, ...] = ()


class Choice(NamedTuple):
    """Which cohort, which seed, and what is chosen."""

    cohort: str
    seed: int
    way: str


def measure(
    settings: Settings, out: Path, *, done: Callable[[Report, str], None] | None = None
) -> Report:
    """Runs what is not finished in `out`/choices.

    Args:
        settings: What is compared.
        out: Holds a run folder for every cohort, seed and way.
        done: Told the report so far and a line on the latest run.

    Raises:
        RuntimeError: A run failed; the others are finished first.
    """
    runs = {_run(choice, settings, out / "choices"): choice for choice in _choices(settings)}
    rows: list[Row] = []
    failed: list[str] = []
    for run, result in run_all(list(runs), settings.jobs):
        if isinstance(result, str):
            failed.append(result)
            continue
        rows.append(_row(runs[run], run, result))
        if done is not None:
            line = f"{' '.join(map(str, runs[run]))}: C-index {rows[-1]['c_index']:.3f}"
            done(_report(settings, rows), line)
    if failed:
        raise RuntimeError("\n".join(failed))
    return _report(settings, rows)


def _choices(settings: Settings) -> list[Choice]:
    cohorts = {"toy": WAYS}
    if Path(settings.real).is_dir():
        cohorts |= {"OS": REAL_WAYS, "PFI": REAL_WAYS}
    return [
        Choice(cohort, seed, way)
        for cohort, ways in cohorts.items()
        for seed in settings.seeds
        for way in ways
    ]


def _run(choice: Choice, settings: Settings, folder: Path) -> Run:
    cohort, seed, way = choice
    if cohort == "toy":
        flags = ("--toy.patients", str(settings.patients), "--toy.seed", str(seed), *WAYS[way])
    else:
        flags = (*REAL_FLAGS, "--endpoint", cohort, *REAL_WAYS[way])
    always = ("--seed", str(seed), "--logger", "csv", "--baselines", "false", *settings.flags)
    return Run(folder / cohort / f"seed{seed}" / way.replace(" ", "-"), (*flags, *always))


def _row(choice: Choice, run: Run, outcome: Outcome) -> Row:
    epochs = [
        int(pd.read_csv(path)["val/loss"].to_numpy().argmin()) + 1
        for path in sorted(run.folder.glob("fold*/history.csv"))
    ]
    return {
        **choice._asdict(),
        "c_index": outcome.mean("c_index"),
        "fold_sd": outcome.metrics["c_index"]["sd"],
        "best_epoch": statistics.fmean(epochs),
        "seconds": outcome.seconds,
        "commit": outcome.commit,
    }


def _report(settings: Settings, measured: list[Row]) -> Report:
    rows: list[Row] = []
    for cohort in dict.fromkeys(row["cohort"] for row in measured):
        own = [row for row in measured if row["cohort"] == cohort]
        base = {row["seed"]: row for row in own if row["way"] == DEFAULT}
        for way in dict.fromkeys(row["way"] for row in own):
            rows.append(_summary(cohort, way, [r for r in own if r["way"] == way], base))
    return Report(
        name="choices",
        title="C-index of other ways of training, nested cross-validation, mean over seeds",
        rows=rows,
        notes=[
            "more: C-index less that of the default on the same cohort and folds; mean and sd",
            "best_epoch: of the kept weights; fold_sd: of the C-index over folds, mean over seeds",
            "OS, PFI: TCGA-BRCA luminal, genes and clinical, batches of 12, one network a fold",
            f"bar on the toy cohort: mean difference within {MOST:g}",
        ],
        settings=asdict(settings),
        measurements=measured,
    )


def _summary(cohort: str, way: str, own: list[Row], base: dict[int, Row]) -> Row:
    more = [r["c_index"] - base[r["seed"]]["c_index"] for r in own if r["seed"] in base]
    held = "yes" if more and abs(statistics.fmean(more)) <= MOST else "no"
    compared = way != DEFAULT and bool(more)
    return {
        "cohort": cohort,
        "way": way,
        "seeds": len(own),
        "c_index": statistics.fmean(r["c_index"] for r in own),
        "more": statistics.fmean(more) if compared else float("nan"),
        "more_sd": statistics.stdev(more) if compared and len(more) > 1 else float("nan"),
        "fold_sd": statistics.fmean(r["fold_sd"] for r in own),
        "best_epoch": statistics.fmean(r["best_epoch"] for r in own),
        "seconds": statistics.fmean(r["seconds"] for r in own),
        "within": held if cohort == "toy" and compared else "",
    }

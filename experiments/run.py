"""`python -m experiments.run`: cross-validates a model on a cohort.

Exit codes: 0 done; 2 bad input or configuration, nothing written; 1 a failure of ours.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from experiments.config import RunConfig
from experiments.parsing import parse_run

if TYPE_CHECKING:
    from experiments.cross_validation import AfterFold


def main(args: list[str] | None = None, *, after_fold: AfterFold | None = None) -> int:
    """Runs the command; tests and sweeps call it in-process.

    Args:
        args: The command line.
        after_fold: See `experiments.cross_validation.cross_validate`.
    """
    config = parse_run(args)
    problems = config.problems()
    if problems:
        print("\n".join(f"error: {problem}" for problem in problems), file=sys.stderr)
        return 2
    from data_modules.problems import BadInput

    try:
        return _run(config, after_fold)
    except BadInput as error:
        print(error, file=sys.stderr)
        return 2


def _run(config: RunConfig, after_fold: AfterFold | None) -> int:
    # Threads that spin while they wait for each other stretch every step where another program
    # wants the same core: on a busy machine a run took seven times as long. Read by torch's import.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    # Imported here, so that --help and a bad flag answer at once.
    import torch
    from rich.console import Console

    from data_modules.folds import read_folds, write_folds
    from experiments.cohorts import open_cohort
    from experiments.cross_validation import cross_validate
    from experiments.folds_audit import audit, draw_folds, print_audit, write_audit
    from experiments.loggers import experiment_log
    from experiments.run_folder import open_run_folder, write_start
    from experiments.table import reasons, result_table

    console = Console(soft_wrap=True)
    if config.trainer.threads:
        torch.set_num_threads(config.trainer.threads)
    folder = Path(config.out) if config.out else default_folder(config)
    open_run_folder(config, folder)
    cohort = open_cohort(config, console)
    stored_folds = folder / "folds.csv"
    if config.resume and stored_folds.is_file():
        folds = read_folds(stored_folds, cohort, config.protocol)
    else:
        folds = draw_folds(config, cohort)
    write_start(config, folder, data_hash=cohort.data_hash, folds_hash=folds.hash)
    write_folds(folds, stored_folds)
    audited = audit(folds, cohort)
    write_audit(audited, folder)
    print_audit(audited, config, cohort, console)
    console.print(f"run folder: {folder}")
    log = experiment_log(config, folder)
    scores = cross_validate(config, cohort, folds, folder, log, console, after_fold)
    console.print(result_table(scores, config))
    for line in reasons(scores):
        console.print(f"– {line}")
    console.print(f"results: {folder}")
    return 0


def default_folder(config: RunConfig) -> Path:
    """runs/<time>-<cohort>-<fusion>; under W&B's agent runs/sweep-<sweep>/<run>.

    Agents that share a machine start runs in the same second.
    """
    sweep, run = os.environ.get("WANDB_SWEEP_ID"), os.environ.get("WANDB_RUN_ID")
    if sweep and run:
        return Path("runs") / f"sweep-{sweep}" / run
    name = "toy" if config.cohort == "toy" else Path(config.cohort).stem
    return Path("runs") / f"{time.strftime('%Y%m%d-%H%M%S')}-{name}-{config.fusion}"


if __name__ == "__main__":
    sys.exit(main())

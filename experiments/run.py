"""`python -m experiments.run`: cross-validates a model on a cohort.

Exit codes: 0 done; 2 bad input or configuration, nothing written; 1 a failure of ours.
"""

from __future__ import annotations

import itertools
import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from experiments.config import RunConfig
from experiments.forking import begin_template
from experiments.parsing import parse_run
from experiments.surroundings import PAGES, WAITING, settle, threads_each

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
    from experiments.attempts import LostClusterError
    from experiments.locking import full_disk, is_full_disk, locked
    from experiments.memory_full import MemoryFullError

    folder = Path(config.out) if config.out else default_folder(config)
    try:
        with locked(folder, ours=not config.out):
            return _run(config, folder, after_fold)
    except BadInput as error:
        print(error, file=sys.stderr)
        return 2
    except MemoryFullError as error:
        print(f"error: {error}; then --resume --out {folder}", file=sys.stderr)
        return 1
    except LostClusterError as error:
        print(
            f"error: {error}; what is done is kept: --resume --out {folder} "
            "with another --cluster, or --cluster '' for none",
            file=sys.stderr,
        )
        return 1
    except OSError as error:
        if not is_full_disk(error):
            raise
        print(full_disk(error, folder), file=sys.stderr)
        return 1


def _run(config: RunConfig, folder: Path, after_fold: AfterFold | None) -> int:
    settle(WAITING, PAGES)
    if config.jobs > 1 and not config.cluster:
        begin_template(threads_each(config.jobs))
    # Imported here, so that --help and a bad flag answer at once.
    import torch
    from rich.console import Console

    from experiments.cohorts import open_cohort
    from experiments.context import start_run, stored_or_drawn
    from experiments.cross_validation import cross_validate
    from experiments.devices import check_devices
    from experiments.fan_out import check_fan_out
    from experiments.loggers import experiment_log
    from experiments.run_folder import open_run_folder
    from experiments.study import run_study
    from experiments.table import baseline_reasons, baseline_table, reasons, result_table

    check_devices(config)
    check_fan_out(jobs=config.jobs, cluster=config.cluster)
    console = Console(soft_wrap=True)
    if config.trainer.threads:
        torch.set_num_threads(config.trainer.threads)
    if config.arms or config.protocols:
        return run_study(config, folder, console)
    open_run_folder(config, folder)
    cohort = open_cohort(config, console)
    context = start_run(config, folder, cohort, stored_or_drawn(config, folder, cohort), console)
    log = experiment_log(config, folder, console.print)
    try:
        scores, baselines = cross_validate(context, log, console, after_fold)
    except BaseException:
        log.abandon()
        raise
    console.print(result_table(scores, config))
    for line in reasons(scores):
        console.print(f"– {line}")
    if baselines:
        console.print(baseline_table(baselines, config))
        for line in baseline_reasons(baselines):
            console.print(f"– {line}")
    console.print(f"results: {folder}")
    return 0


def default_folder(config: RunConfig) -> Path:
    """runs/<time>-<cohort>-<fusion>, and a number behind it where another run began as early.

    Under W&B's agent it is runs/sweep-<sweep>/<run>.
    """
    sweep, run = os.environ.get("WANDB_SWEEP_ID"), os.environ.get("WANDB_RUN_ID")
    if sweep and run:
        return Path("runs") / f"sweep-{sweep}" / run
    name = "toy" if config.cohort == "toy" else Path(config.cohort).stem
    wanted = f"{time.strftime('%Y%m%d-%H%M%S')}-{name}-{config.fusion}"
    for number in itertools.count(1):
        folder = Path("runs") / (wanted if number == 1 else f"{wanted}-{number}")
        try:
            # Whoever makes the folder has it: several agents may begin in the same second.
            folder.mkdir(parents=True)
        except FileExistsError:
            continue
        except OSError:
            pass  # told where the run takes its folder
        break
    return folder


if __name__ == "__main__":
    from experiments.tracking.ending import stoppable

    sys.exit(stoppable(main, "go on with --resume --out and the run folder"))

"""What runs the configurations of a sweep, one after the other, until none is left."""

from __future__ import annotations

import contextlib
import json
import math
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn

from experiments.locking import FULL
from experiments.sweeping.parameters import flag
from experiments.sweeping.study import Claim, claim, not_counted, open_study, twin
from experiments.sweeping.sweep_file import Sweep

if TYPE_CHECKING:
    from optuna import Study

# Exit code of a run for a failure that is none of its input's.
FAILURE = 1


class Order(NamedTuple):
    """What an agent needs to know; it can be sent to another machine.

    Attributes:
        folder: Of the sweep, which all machines see.
        sweep: The sweep file.
        flags: Of every run.
        total: Number of configurations.
        seed: Of the search.
    """

    folder: Path
    sweep: Sweep
    flags: tuple[str, ...]
    total: int
    seed: int


class Stopped(Exception):  # noqa: N818 - it names what happened
    """A configuration was given up after a fold, for the others are better."""


class Interrupted(Exception):  # noqa: N818 - likewise
    """A run ended for a reason that is none of its configuration's, such as a full disk."""


def serve(order: Order, agent: int) -> int:
    """Runs configurations until none is left.

    Args:
        order: The sweep.
        agent: Number of the agent, for what it prints.

    Returns:
        How many it ran.

    Raises:
        Interrupted: The machine failed a run; the next call goes on with it.
    """
    ran = 0
    while True:
        taken = claim(order.folder, order.sweep, count=order.total, seed=order.seed)
        if taken is None:
            return ran
        with taken.lock:
            began = time.monotonic()
            said = _settle(order, taken)
            words = " ".join(flag(name, value) for name, value in taken.values.items())
            print(
                f"configuration {taken.number + 1} of {order.total}: {said} in "
                f"{time.monotonic() - began:.0f} s  {words}",
                flush=True,
            )
        ran += 1


def run_folder(folder: Path, number: int) -> Path:
    """Where the run of a configuration lies."""
    return folder / "runs" / f"{number:04d}"


def _settle(order: Order, taken: Claim) -> str:
    """Runs one configuration, tells the study, and says what came out."""
    from optuna.trial import TrialState

    study = open_study(order.folder, order.sweep)
    name = order.sweep.metric.removeprefix("cv/inner_")
    before = twin(study, order.sweep, taken.number, taken.values)
    if before is not None:
        taken.trial.set_user_attr("same_as", before.number)
        study.tell(taken.number, before.value)
        return f"the same as configuration {before.number + 1}"
    try:
        reason = _run(order, taken)
    except Stopped as stopped:
        taken.trial.set_user_attr("reason", str(stopped))
        study.tell(taken.number, state=TrialState.PRUNED)
        return str(stopped)
    if not reason:
        scores = json.loads((run_folder(order.folder, taken.number) / "metrics.json").read_text())
        inner = scores["inner"][name]
        value = inner["mean"]
        if value is not None and math.isfinite(value):
            study.tell(taken.number, value)
            return f"{order.sweep.metric} {value:.4f}{_standing(study)}"
        taken.trial.set_user_attr("unranked", True)
        reason = inner["reason"] or f"{order.sweep.metric} is {value}"
    taken.trial.set_user_attr("reason", reason)
    study.tell(taken.number, state=TrialState.FAIL)
    return reason.splitlines()[-1] if reason else "failed"


def _standing(study: Study) -> str:
    best = study.best_trial
    return f" (best: {best.value:.4f}, configuration {best.number + 1})"


def _run(order: Order, taken: Claim) -> str:
    """One run, resumed where it was killed; what it prints goes into a file.

    Returns:
        Why it failed; empty where it did not.

    Raises:
        Stopped: The configuration was given up.
        Interrupted: It can be resumed.
    """
    from experiments.run import main

    out = run_folder(order.folder, taken.number)
    if (out / "metrics.json").is_file():
        return ""
    words = [*order.flags, *(flag(name, value) for name, value in taken.values.items())]
    words.append(f"--out={out}")
    if (out / "config.yaml").is_file():
        words.append("--resume")
    log = order.folder / "logs" / f"{taken.number:04d}.txt"
    log.parent.mkdir(parents=True, exist_ok=True)
    with (
        log.open("a", encoding="utf-8") as lines,
        contextlib.redirect_stdout(lines),
        contextlib.redirect_stderr(lines),
    ):
        try:
            code = main(words, after_fold=lambda now, left: _reconsider(order, taken, now, left))
        except Stopped:
            raise
        except SystemExit as end:
            code = int(str(end.code))
        except (OSError, MemoryError) as error:
            _interrupt(taken, f"{type(error).__name__}: {error}")
        except Exception as error:
            return f"{type(error).__name__}: {error}"
    if code == FAILURE:
        _interrupt(taken, f"exit code {code}, see {log}: {_last_line(log)}")
    return "" if code == 0 else f"exit code {code}, see {log}: {_last_line(log)}"


def _interrupt(taken: Claim, reason: str) -> NoReturn:
    """Leaves the configuration to the next call, which resumes it.

    What runs into its memory every time is given up in the end, as what kills its process is. A
    full disk is never the configuration's fault.
    """
    if any(os.strerror(number) in reason for number in FULL):
        not_counted(taken)
    raise Interrupted(
        f"configuration {taken.number + 1}: {reason}. What is done is kept: the same command goes "
        "on with it"
    )


def _reconsider(order: Order, taken: Claim, now: dict[str, Any], left: int) -> None:
    """After a fold: gives the configuration up where others did better by then."""
    value = now.get(order.sweep.metric.removeprefix("cv/"))
    if order.sweep.early is None or value is None or not left:
        return
    # W&B counts a run's values from 0.
    taken.trial.report(value, int(now["folds_done"]) - 1)
    if taken.trial.should_prune():
        raise Stopped(f"given up after {now['folds_done']:.0f} folds, {left} to come")


def _last_line(log: Path) -> str:
    lines = [line for line in log.read_text(encoding="utf-8").splitlines() if line.strip()]
    return lines[-1] if lines else ""

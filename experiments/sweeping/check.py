"""Whether every run that a sweep can start is one that starts."""

from __future__ import annotations

import contextlib
import io
import itertools
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from data_modules.problems import Problems
from experiments.config import RunConfig
from experiments.parsing import parse_run
from experiments.run_folder import flat_config
from experiments.sweeping.parameters import Parameter, flag
from experiments.sweeping.sweep_file import Sweep, nearest

# What a search may look at: scores of the inner splits alone.
INNER = ("cv/inner_loss", "cv/inner_c_index")
# Every run has its own of these, or they say where it is logged.
OF_THE_RUN = ("out", "resume", "logger", "config")
# Losses of different kinds have no common scale.
CHANGES_THE_LOSS = ("loss", "ties")
MOST_COMBINATIONS = 200


class Refused(NamedTuple):
    """Why the parser takes no word of a command line.

    Attributes:
        message: In the parser's words.
    """

    message: str


def check_sweep(path: Path, sweep: Sweep, flags: list[str]) -> None:
    """Every value of every parameter through the real parser, as W&B's agent writes it.

    Args:
        path: The file, for messages.
        sweep: Its content.
        flags: More flags that every run gets.

    Raises:
        BadInput: Everything wrong with it.
    """
    problems = Problems()
    fixed = [*sweep.flags, *flags]
    base = parsed(fixed)
    if isinstance(base, Refused):
        problems.add(path, f"{' '.join(fixed)}: {base.message}", column="command")
        problems.raise_if_any()
    for parameter in sweep.parameters:
        _check_parameter(path, parameter, sweep, flags, fixed, problems)
    _check_metric(path, sweep, base, problems)
    problems.raise_if_any()
    _check_together(path, sweep, fixed, problems)
    problems.raise_if_any()


def parsed(flags: list[str]) -> RunConfig | Refused:
    """The configuration that a command line gives, or what the parser says against it."""
    said = io.StringIO()
    try:
        with contextlib.redirect_stderr(said):
            return parse_run(flags)
    except SystemExit:
        text = said.getvalue()
        lines = text[text.find("error:") :].removeprefix("error:").split("\n")
        return Refused(" ".join(line.strip() for line in lines if line.strip())[:300])


def known_flags() -> list[str]:
    """Every flag of a run, with its dots."""
    return list(flat_config(RunConfig()))


def _check_parameter(
    path: Path, parameter: Parameter, sweep: Sweep, flags: list[str], fixed: list[str],
    problems: Problems,
) -> None:  # fmt: skip
    name = parameter.name
    if name not in known_flags() or name in OF_THE_RUN or name.startswith("wandb."):
        told = nearest(name, known_flags()) or "; `python -m experiments.run --help` lists them"
        if name in known_flags() or name == "config":
            told = ": it belongs to the single run"
        problems.add(path, f"is no flag that a sweep can vary{told}", column=name)
        return
    if any(word.split("=")[0] == f"--{name}" for word in flags):
        problems.add(path, f"is swept: leave --{name} out of the command", column=name)
    if name in CHANGES_THE_LOSS and sweep.metric == "cv/inner_loss":
        problems.add(path, "changes what the loss means: sweep it by cv/inner_c_index", column=name)
    for value in parameter.examples():
        found = parsed([*fixed, flag(name, value)])
        if isinstance(found, Refused):
            problems.add(path, f"{value!r}: {found.message}", column=name)


def _check_metric(path: Path, sweep: Sweep, base: Any, problems: Problems) -> None:
    if sweep.metric not in INNER:
        why = nearest(sweep.metric, INNER)
        if _is_logged(sweep.metric, base):
            why = (
                ": it is a score of outer folds, and the winner would be reported on the patients "
                "that chose it"
                if not sweep.metric.startswith("fold")
                else ": it is one fold's alone"
            )
        else:
            why = f": no run logs it{why}"
        problems.add(path, f"{sweep.metric}{why}; use {' or '.join(INNER)}", column="metric.name")
        return
    goal = "minimize" if sweep.metric == "cv/inner_loss" else "maximize"
    if sweep.goal != goal:
        problems.add(path, f"{sweep.goal} {sweep.metric}: {goal} it", column="metric.goal")
    listed = [set(p.values) for p in sweep.parameters if p.name == "protocol"]
    protocols = listed[0] if listed else {base.protocol}
    searches = sweep.method == "bayes" or sweep.early is not None
    if protocols == {"paper"} or (searches and "paper" in protocols):
        problems.add(
            path,
            f"protocol paper logs no {sweep.metric}: it stops on the fold that it reports; search "
            "under protocol nested",
            column="metric.name",
        )


def _is_logged(name: str, base: RunConfig) -> bool:
    """Whether runs log it, though no search may use it."""
    scores = {"c_index", "logrank_p", "patients", "events"}
    scores |= {f"{kind}_{h:g}y" for kind in ("ibs", "auc") for h in base.horizons}
    return (
        name.removeprefix("cv/").removesuffix("_sd") in scores
        or (name.startswith("fold") and "/" in name)
        or name in ("cv/folds_done", "cv/inner_loss_sd", "cv/inner_c_index_sd")
    )


def _check_together(path: Path, sweep: Sweep, fixed: list[str], problems: Problems) -> None:
    """Values that are fine alone may exclude each other, as a width and a number of heads."""
    told: set[str] = set()
    for values in itertools.islice(_combinations(sweep), MOST_COMBINATIONS):
        words = [flag(name, value) for name, value in values.items()]
        found = parsed([*fixed, *words])
        wrong = [found.message] if isinstance(found, Refused) else found.problems()
        for message in wrong:
            if message not in told:
                problems.add(path, f"{' '.join(words)}: {message}", column="parameters")
        told.update(wrong)


def _combinations(sweep: Sweep) -> Iterator[dict[str, Any]]:
    """Every combination of listed values, numbers at their median; or each value beside others."""
    examples = {p.name: p.examples() if p.values else p.examples()[1:2] for p in sweep.parameters}
    if math.prod(len(values) for values in examples.values()) <= MOST_COMBINATIONS:
        for chosen in itertools.product(*examples.values()):
            yield dict(zip(examples, chosen, strict=True))
    first = {name: values[0] for name, values in examples.items()}
    for parameter in sweep.parameters:
        for value in parameter.examples():
            yield {**first, parameter.name: value}


def with_defaults(sweep: Sweep, flags: list[str]) -> tuple[str, ...]:
    """The words that every run of a sweep without a server begins with.

    Example:
        >>> made = Sweep("s", "grid", "cv/inner_loss", "minimize", (), ("--logger=wandb",))
        >>> with_defaults(made, ["--folds=3"])
        ('--logger=wandb', '--logger=csv', '--folds=3')
    """
    # Of a flag that stands twice, the last counts.
    return (*sweep.flags, "--logger=csv", *flags)

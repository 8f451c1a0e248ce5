"""Sweep files: W&B's rules, and ours, checked before anything runs."""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from data_modules.problems import Problems
from experiments.sweeping.parameters import CHOICES, KINDS, Parameter

METHODS = ("grid", "random", "bayes")
GOALS = ("minimize", "maximize")
# Keys of W&B's sweep files. Ours must name a program: the agent looks for it even where it runs a
# command.
KEYS = (
    "name", "description", "project", "entity", "program", "command", "method", "metric",
    "run_cap", "early_terminate", "parameters", "apiVersion", "kind", "controller",
)  # fmt: skip
NEEDED = ("program", "command", "method", "metric", "parameters")
COMMAND = ["${env}", "${interpreter}", "-m", "experiments.run"]
# No run has more, so bands end there.
MOST_FOLDS = 1000
TERMINATION = ("type", "min_iter", "max_iter", "s", "eta")


@dataclass(frozen=True)
class EarlyStop:
    """Hyperband as W&B has it, an iteration being a fold.

    Attributes:
        bands: Iterations, counted from 0, at which runs are compared.
        eta: One in so many goes on.
    """

    bands: tuple[int, ...]
    eta: float


@dataclass(frozen=True)
class Sweep:
    """A sweep file.

    Attributes:
        name: Of the sweep.
        method: grid, random or bayes.
        metric: What ranks, such as cv/inner_loss.
        goal: minimize or maximize.
        parameters: What varies.
        flags: What stands in the command besides.
        run_cap: Most configurations; 0 is no limit.
        early: When a configuration is given up; None is never.
    """

    name: str
    method: str
    metric: str
    goal: str
    parameters: tuple[Parameter, ...]
    flags: tuple[str, ...]
    run_cap: int = 0
    early: EarlyStop | None = None


def read_sweep(path: Path) -> Sweep:
    """Reads a sweep file by the rules of W&B's server, and a few that make it run here too.

    Raises:
        BadInput: Everything wrong with it.
    """
    problems = Problems()
    content = _read(path, problems)
    problems.raise_if_any()
    _check_keys(path, content, KEYS, problems)
    for key in NEEDED:
        if key not in content:
            problems.add(path, "is missing", column=key)
    method = content.get("method")
    if "method" in content and method not in METHODS:
        problems.add(path, f"{method!r}: use {', '.join(METHODS)}", column="method")
    cap = content.get("run_cap", 0)
    if not _whole(cap) or cap < ("run_cap" in content):
        problems.add(path, f"{cap!r} is no number of runs, at least 1", column="run_cap")
    metric, goal = _metric(path, content.get("metric"), "metric" in content, problems)
    parameters = _parameters(path, content.get("parameters"), str(method), problems)
    early = _early(path, content, problems)
    flags = _command(path, content.get("command"), "command" in content, problems)
    problems.raise_if_any()
    return Sweep(
        name=str(content.get("name") or path.stem),
        method=str(method),
        metric=metric,
        goal=goal,
        parameters=tuple(parameters),
        flags=tuple(flags),
        run_cap=cap,
        early=early,
    )


def nearest(word: str, known: Iterable[str]) -> str:
    """What was probably meant, as the end of a sentence; empty where nothing is alike.

    Example:
        >>> nearest("lr", ["optim.lr", "seed"]), nearest("fusoin", ["fusion"])
        ('; did you mean optim.lr?', '; did you mean fusion?')
        >>> nearest("zzz", ["fusion"])
        ''
    """
    names = list(known)
    close = [name for name in names if name.split(".")[-1] == word.split(".")[-1]]
    close = close or difflib.get_close_matches(word, names, 1)
    return f"; did you mean {close[0]}?" if close else ""


def _read(path: Path, problems: Problems) -> dict[str, Any]:
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        problems.add(path, f"cannot be read: {' '.join(str(error).split())}")
        return {}
    if not isinstance(content, dict):
        problems.add(path, "holds no keys: a sweep has method, metric and parameters")
        return {}
    return content


def _check_keys(
    path: Path, content: dict[Any, Any], known: Iterable[str], problems: Problems, within: str = ""
) -> None:
    known = list(known)
    for key in content:
        if key not in known:
            problems.add(path, f"is no key of a sweep{nearest(str(key), known)}",
                         column=f"{within}{key}")  # fmt: skip


def _whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _metric(path: Path, metric: Any, given: bool, problems: Problems) -> tuple[str, str]:
    if not isinstance(metric, dict) or not isinstance(metric.get("name"), str):
        if given:
            problems.add(path, f"{metric!r}: give name and goal", column="metric")
        return "", "minimize"
    _check_keys(path, metric, ("name", "goal", "target", "impute"), problems, "metric.")
    goal = metric.get("goal", "minimize")
    if goal not in GOALS:
        problems.add(path, f"{goal!r}: use {' or '.join(GOALS)}", column="metric.goal")
    return metric["name"], str(goal)


def _parameters(path: Path, given: Any, method: str, problems: Problems) -> list[Parameter]:
    if given is None:
        return []
    if not isinstance(given, dict) or not given:
        problems.add(path, "names no parameter", column="parameters")
        return []
    made = []
    for name, content in given.items():
        found = Problems()
        parameter = _parameter(path, str(name), content, found)
        if parameter and method == "grid" and not parameter.grid():
            found.add(
                path, f"a grid has no end over {parameter.kind}: list its values", column=str(name)
            )
        if parameter and method == "bayes" and parameter.probabilities:
            found.add(path, "bayes finds its own probabilities: leave these out", column=str(name))
        problems.found += found.found
        if parameter and not found.found:
            made.append(parameter)
    return made


def _parameter(path: Path, name: str, given: Any, problems: Problems) -> Parameter | None:
    if not isinstance(given, dict) or "parameters" in given:
        problems.add(path, f"{given!r}: give value, values, or min and max; for a group of flags "
                     "write each with its dots, such as optim.lr", column=name)  # fmt: skip
        return None
    kind = given.get("distribution", _kind(given))
    if kind not in KINDS:
        said = f"{kind!r} is no distribution{nearest(str(kind), KINDS)}" if kind else (
            f"{given!r}: give value, values, or min and max")  # fmt: skip
        if f"{kind}_values" in KINDS:
            said = f"{kind} takes exponents and is no longer accepted: use {kind}_values"
        problems.add(path, said, column=name)
        return None
    needed, optional = KINDS[kind]
    _check_keys(path, given, ("distribution", *needed, *optional), problems, f"{name}.")
    for key in needed:
        if key not in given:
            problems.add(path, f"{kind} needs {key}", column=name)
    if problems.found:
        return None
    if kind in CHOICES:
        return _choice(path, name, kind, given, problems)
    return _numeric(path, name, kind, optional | given, problems)


def _kind(given: dict[str, Any]) -> str:
    """W&B's guess where no distribution is named."""
    if "value" in given:
        return "constant"
    if "values" in given:
        return "categorical_w_probabilities" if "probabilities" in given else "categorical"
    if "min" in given and "max" in given:
        return "int_uniform" if _whole(given["min"]) and _whole(given["max"]) else "uniform"
    return ""


def _choice(
    path: Path, name: str, kind: str, given: dict[str, Any], problems: Problems
) -> Parameter:
    values = [given["value"]] if kind == "constant" else given["values"]
    if not isinstance(values, list) or not values:
        problems.add(path, f"{values!r}: list at least one value", column=f"{name}.values")
        values = []
    texts = [str(value) for value in values]
    for text in sorted({text for text in texts if texts.count(text) > 1}):
        problems.add(path, f"lists {text} twice", column=f"{name}.values")
    shares = given.get("probabilities", [])
    if kind == "categorical_w_probabilities" and not (
        isinstance(shares, list)
        and len(shares) == len(values)
        and all(_number(share) and share >= 0 for share in shares)
        and abs(sum(shares) - 1) < 1e-6
    ):
        problems.add(path, f"{shares!r}: one for each value, 1 together",
                     column=f"{name}.probabilities")  # fmt: skip
    return Parameter(name, kind, tuple(values), probabilities=tuple(shares))


def _numeric(
    path: Path, name: str, kind: str, given: dict[str, Any], problems: Problems
) -> Parameter:
    numbers = {key: value for key, value in given.items() if key != "distribution"}
    for key, value in numbers.items():
        if not (_whole(value) if kind == "int_uniform" else _number(value)):
            exponent = " (YAML reads 1e-5 as text: write 1.0e-5)" if isinstance(value, str) else ""
            what = "whole number" if kind == "int_uniform" else "number"
            problems.add(path, f"{value!r} is no {what}{exponent}", column=f"{name}.{key}")
    if problems.found:
        return Parameter(name, kind)
    low, high = numbers.get("min", 0), numbers.get("max", 1)
    if low >= high:
        problems.add(path, f"min {low} is not below max {high}", column=name)
    if "log_uniform" in kind and low <= 0:
        problems.add(path, f"min {low}: a logarithm needs more than 0", column=name)
    for key in ("q", "sigma", "a", "b"):
        if numbers.get(key, 1) <= 0:
            problems.add(path, f"{numbers[key]} is not positive", column=f"{name}.{key}")
    return Parameter(name, kind, numbers=tuple((k, v) for k, v in numbers.items()))


def _early(path: Path, content: dict[str, Any], problems: Problems) -> EarlyStop | None:
    given = content.get("early_terminate")
    if given is None:
        return None
    if not isinstance(given, dict) or given.get("type") != "hyperband":
        problems.add(path, f"{given!r}: the only type is hyperband", column="early_terminate")
        return None
    _check_keys(path, given, TERMINATION, problems, "early_terminate.")
    eta: Any = given.get("eta", 3)
    first: Any = given.get("min_iter")
    bands: list[int] = []
    if _number(eta) and eta > 1:
        if first is None and _whole(given.get("max_iter")) and _whole(given.get("s")):
            powers = range(1, given["s"] + 1)
            bands = [int(given["max_iter"] / eta**n) for n in powers if given["max_iter"] >= eta**n]
        elif _whole(first) and first >= 1:
            reach = range(int(math.log(MOST_FOLDS, eta)) + 1)
            bands = [int(first * eta**n) for n in reach if first * eta**n <= MOST_FOLDS]
    if not bands:
        problems.add(path, f"{given!r}: give min_iter (folds, at least 1) and eta above 1",
                     column="early_terminate")  # fmt: skip
        return None
    return EarlyStop(tuple(sorted(set(bands))), float(eta))


def _command(path: Path, command: Any, given: bool, problems: Problems) -> list[str]:
    words = [str(word) for word in command] if isinstance(command, list) else []
    wanted = [*COMMAND, "${args}"]
    extra = words[len(COMMAND) :]
    fine = words[: len(COMMAND)] == COMMAND and extra.count("${args}") == 1
    macros = [word for word in extra if word.startswith("${") and word != "${args}"]
    if given and (not fine or macros):
        problems.add(path, f"{words}: write {wanted}, with flags that stay the same between",
                     column="command")  # fmt: skip
    return [word for word in extra if word != "${args}"]

"""From a command line and configuration files to a `RunConfig`."""

from __future__ import annotations

import dataclasses
import functools
import io
import logging
import sys
from pathlib import Path
from typing import Any

import yaml
from jsonargparse import ArgumentParser, Namespace, set_parsing_settings

from experiments.config import RunConfig

LIST_FLAGS = (
    "--modalities", "--horizons", "--only_folds", "--wandb.tags", "--stratify", "--draw",
    "--arms", "--protocols",
)  # fmt: skip


# Flags that may stand alone.
SWITCHES = ("--resume", "--wandb.per_fold_runs")


def run_parser() -> ArgumentParser:
    """The parser of `experiments.run`: the fields of `RunConfig`, and --config.

    Abbreviated flags are refused: `--model.head` must not quietly mean `--model.heads`.

    Raises:
        RuntimeError: Where a field became no flag. jsonargparse reads sources to find them and,
            where that fails, goes on without a word: every flag would be unknown then.
    """
    parser, lacking = _build(logger=False)
    if lacking:
        reasons = io.StringIO()
        log = logging.Logger("jsonargparse", logging.DEBUG)
        log.addHandler(logging.StreamHandler(reasons))
        parser, lacking = _build(logger=log)
    if lacking:
        raise RuntimeError(f"no flag could be made of {lacking}: {reasons.getvalue()}")
    return parser


def _build(logger: bool | logging.Logger) -> tuple[ArgumentParser, list[str]]:
    """A parser, and the fields that it lacks."""
    set_parsing_settings(docstring_parse_attribute_docstrings=True)
    parser = ArgumentParser(
        prog="python -m experiments.run",
        description="Cross-validates a multimodal survival model on one cohort.",
        allow_abbrev=False,
        logger=logger,
    )
    parser.add_argument(
        "--config", action="config", help="YAML file of flags; flags after it win over it."
    )
    flags = {name.split(".")[0] for name in parser.add_class_arguments(RunConfig)}
    return parser, [f.name for f in dataclasses.fields(RunConfig) if f.name not in flags]


def parse_run(args: list[str] | None = None) -> RunConfig:
    """Parses flags; an unknown flag, key or value ends the process with exit code 2.

    With `--resume --out DIR` the folder's own config.yaml comes first, so that no other flag need
    be repeated.
    """
    parser = _parser()
    given = _as_values(sys.argv[1:] if args is None else args)
    namespace = parser.parse_args(given)
    stored = Path(namespace.out) / "config.yaml"
    if namespace.resume and namespace.out and stored.is_file():
        namespace = parser.parse_args(["--config", str(stored), *given])
    return _instantiate(parser, namespace)


@functools.cache
def _parser() -> ArgumentParser:
    """Made once: a sweep parses hundreds of command lines before it begins."""
    return run_parser()


def _as_values(args: list[str]) -> list[str]:
    """Lets switches stand alone and `--modalities image genes` take several words."""
    merged: list[str] = []
    position = 0
    while position < len(args):
        flag, equals, word = args[position].partition("=")
        if flag not in {*SWITCHES, *LIST_FLAGS} or (equals and flag in SWITCHES):
            merged.append(args[position])
            position += 1
            continue
        position += 1
        words = [word] if equals else []
        while position < len(args) and not args[position].startswith("--"):
            words.append(args[position])
            position += 1
        if flag in SWITCHES:
            merged.append(f"{flag}={words[0] if words else 'true'}")
        else:
            merged.append(f"{flag}=[{_without_brackets(','.join(words))}]")
    return merged


def _without_brackets(words: str) -> str:
    """The items of a list, written bare, in square brackets or, as --help shows them, in round."""
    bracketed = words[:1] + words[-1:] in {"[]", "()"}
    return words[1:-1].rstrip(", ") if bracketed else words


def _instantiate(parser: ArgumentParser, namespace: Namespace) -> RunConfig:
    values = parser.instantiate(namespace)
    fields = {f.name: getattr(values, f.name) for f in dataclasses.fields(RunConfig)}
    return RunConfig(**fields)


def as_plain(config: RunConfig) -> dict[str, object]:
    """The configuration as nested primitives, in the order of the fields."""
    plain: dict[str, object] = _plain(dataclasses.asdict(config))
    return plain


def to_yaml(config: RunConfig) -> str:
    """The resolved configuration as YAML that `--config` reads back."""
    return yaml.safe_dump(as_plain(config), sort_keys=False, allow_unicode=True)


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value

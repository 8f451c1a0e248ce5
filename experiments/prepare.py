"""`python -m experiments.prepare <command>`: what comes before a run.

Exit codes: 0 done; 2 bad input, nothing half-written; 1 a failure of ours.
"""

from __future__ import annotations

import argparse
import sys
from importlib import import_module

# Each is a file of experiments/preparing with `add_flags(parser)` and `run(options) -> int`, whose
# heavy imports wait until it is run.
COMMANDS: dict[str, str] = {
    "init": "looks at a folder of downloads and writes a commented cohort.yaml for it",
    "doctor": "reads a cohort, trains nothing, and says on one page whether a run would be right",
    "folds": "draws the folds of a run without training, and says what they are like",
    "features": "turns whole slides into the bags of features that a run reads",
    "convert": "rewrites feature files of any tool into the layout that reads fastest",
    "subtype": "calls intrinsic subtypes from expression, beside those of the patient table",
}


def parser() -> argparse.ArgumentParser:
    """The flags of every command."""
    made = argparse.ArgumentParser(
        prog="python -m experiments.prepare",
        description="What comes before a run.",
        allow_abbrev=False,
    )
    commands = made.add_subparsers(dest="command", required=True, metavar="command")
    for name, summary in COMMANDS.items():
        command = commands.add_parser(
            name, help=summary, description=summary, allow_abbrev=False,
            formatter_class=argparse.ArgumentDefaultsHelpFormatter,
        )  # fmt: skip
        _module(name).add_flags(command)
    return made


def main(args: list[str] | None = None) -> int:
    """Runs the command; tests call it in-process."""
    from data_modules.problems import BadInput

    options = parser().parse_args(args)
    try:
        code: int = _module(options.command).run(options)
    except BadInput as error:
        print(error, file=sys.stderr)
        return 2
    return code


def _module(name: str):  # type: ignore[no-untyped-def]  # noqa: ANN202 - a module with two functions
    return import_module(f"experiments.preparing.{name}")


if __name__ == "__main__":
    sys.exit(main())

"""`prepare folds`: draws the folds of a run without training, and says what they are like."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import get_args

from mmsurv.names import Protocol, SplitName


def add_flags(parser: argparse.ArgumentParser) -> None:
    """The flags of the command; they mean what they mean for a run."""
    parser.add_argument("manifest", help="cohort.yaml")
    parser.add_argument("--endpoint", default="", help="of the manifest; empty takes its default")
    parser.add_argument("--folds", type=int, default=5, help="folds a repeat")
    parser.add_argument("--split", choices=get_args(SplitName), default="stratified", help="how")
    parser.add_argument("--stratify", nargs="*", default=[], help="columns folds are alike in")
    parser.add_argument("--folds_file", default="", help="somebody else's folds")
    parser.add_argument("--repeats", type=int, default=1, help="of the whole cross-validation")
    parser.add_argument("--draw", nargs="*", default=[], help="such as LumA=149 LumB=100")
    parser.add_argument(
        "--protocol", choices=get_args(Protocol), default="nested", help="of the run"
    )
    parser.add_argument("--seed", type=int, default=0, help="of the folds and the draw")
    parser.add_argument(
        "--out", type=Path, default=None, help="folds.csv to write, its audit beside it"
    )


def run(options: argparse.Namespace) -> int:
    """Prints the audit; writes where asked to.

    Raises:
        BadInput: The cohort cannot be read, or not be dealt so.
    """
    import sys

    from rich.console import Console

    from data_modules.doctor import described
    from data_modules.files import write_aside
    from data_modules.folds_file import write_folds
    from data_modules.manifest import load_manifest
    from experiments.cohorts import open_cohort
    from experiments.config import RunConfig
    from experiments.folds_audit import audit, draw_folds, print_audit

    console = Console(soft_wrap=True)
    modalities = tuple(m for m in described(load_manifest(Path(options.manifest))) if m != "image")
    config = RunConfig(
        cohort=options.manifest, endpoint=options.endpoint, folds=options.folds,
        split=options.split, stratify=tuple(options.stratify), folds_file=options.folds_file,
        repeats=options.repeats, draw=tuple(options.draw), protocol=options.protocol,
        seed=options.seed, modalities=modalities or ("image",),  # type: ignore[arg-type]
    )  # fmt: skip
    problems = config.problems()
    if problems:
        print("\n".join(f"error: {problem}" for problem in problems), file=sys.stderr)
        return 2
    cohort = open_cohort(config, console)
    folds = draw_folds(config, cohort)
    audited = audit(folds, cohort)
    print_audit(audited, config, cohort, console, full=True)
    if options.out is not None:
        options.out.parent.mkdir(parents=True, exist_ok=True)
        write_folds(folds, options.out)
        twin = options.out.with_name(f"{options.out.stem}_audit.csv")
        with write_aside(twin) as aside:
            audited.to_csv(aside, index=False, lineterminator="\n")
        console.print(f"wrote {options.out} and {twin}")
    return 0

"""`python -m experiments.report runs/A runs/B …`: tables, figures and one page on finished runs.

Exit codes: 0 done; 2 bad input, nothing written; 1 a failure of ours.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

RESAMPLES = 1000
FEWEST_RESAMPLES = 50


def parser() -> argparse.ArgumentParser:
    """The flags of the command."""
    made = argparse.ArgumentParser(
        prog="python -m experiments.report",
        description="Writes tables, figures and report.html on finished runs, side by side.",
        allow_abbrev=False,
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    made.add_argument(
        "runs", nargs="+", type=Path,
        help="run folders, folders of run folders, or files with the columns of predictions.csv",
    )  # fmt: skip
    made.add_argument("--out", type=Path, default=Path("runs/report"), help="folder of the report")
    made.add_argument(
        "--horizons", nargs="+", type=float, default=None, metavar="YEARS",
        help="years at which predictions are scored; those of the first run, or 5 and 10",
    )  # fmt: skip
    made.add_argument(
        "--resamples", type=int, default=RESAMPLES, help="of the bootstrap and the permutations"
    )
    made.add_argument("--seed", type=int, default=0, help="of the resampling")
    return made


def problems(options: argparse.Namespace) -> list[str]:
    """Everything wrong with the flags themselves."""
    horizons = options.horizons or [1.0]
    checks = [
        (
            options.resamples >= FEWEST_RESAMPLES,
            f"--resamples={options.resamples}: at least {FEWEST_RESAMPLES}",
        ),
        (options.seed >= 0, f"--seed={options.seed}: must not be negative"),
        (all(h > 0 for h in horizons), f"--horizons={horizons}: positive numbers of years"),
        (len(set(horizons)) == len(horizons), f"--horizons names one twice: {horizons}"),
        (not options.out.is_file(), f"--out={options.out}: is a file, not a folder"),
        (
            not (options.out / "predictions.csv").exists(),
            f"--out={options.out}: is a run folder; a report gets a folder of its own",
        ),
    ]
    return [message for fine, message in checks if not fine]


def main(args: list[str] | None = None) -> int:
    """Runs the command; tests call it in-process."""
    options = parser().parse_args(args)
    wrong = problems(options)
    if wrong:
        print("\n".join(f"error: {problem}" for problem in wrong), file=sys.stderr)
        return 2
    from data_modules.problems import BadInput

    try:
        return _report(options)
    except BadInput as error:
        print(error, file=sys.stderr)
        return 2


def _report(options: argparse.Namespace) -> int:
    # Imported here, so that --help and a bad flag answer at once.
    from rich.console import Console

    from experiments.reporting.build import build
    from experiments.reporting.sources import horizons_of, load_sources
    from experiments.reporting.uncertainty import Effort
    from experiments.reporting.write import write_report

    console = Console(soft_wrap=True)
    sources = load_sources(options.runs)
    horizons = tuple(options.horizons or horizons_of(sources))
    for source in sources:
        console.print(
            f"{source.name}: {len(source.main.rows)} predictions, {len(source.arms)} models"
        )
        for note in source.notes:
            console.print(f"  note: {note}")
    report = build(sources, horizons, Effort(options.resamples, options.seed))
    page = write_report(report, options.out)
    for study in report.studies:
        console.print(f"{study.arm.name}:")
        for sentence in study.reading:
            console.print(f"  – {sentence.text}")
    console.print(f"report: {page}")
    return 0


if __name__ == "__main__":
    sys.exit(main())

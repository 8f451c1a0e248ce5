"""`python -m experiments.benchmarks [name ...]`: measures speed, memory and accuracy as ratios.

Without a name the quick ones are measured. Every table is printed and written as JSON and CSV.
"""

from __future__ import annotations

import argparse
import sys
from importlib import import_module
from pathlib import Path

from rich.console import Console

from data_modules.problems import BadInput
from experiments.benchmarks import choices, fusions, large, real
from experiments.benchmarks.report import Report, print_report, write_report
from experiments.benchmarks.results import write_results

QUICK = (
    "epoch", "startup", "memory", "reading", "attention", "metrics", "wandb_cost", "profile",
    "large",
)  # fmt: skip
SLOW = ("fusions", "choices", "real", "expression", "slides", "stain", "noise")


def parser() -> argparse.ArgumentParser:
    """The flags."""
    made = argparse.ArgumentParser(
        prog="python -m experiments.benchmarks",
        description="Measures speed, memory and accuracy as ratios within one run.",
        epilog="Flags of experiments.run, for fusions, choices and real, may follow a lone --.",
        allow_abbrev=False,
    )
    made.add_argument(
        "names", nargs="*", metavar="name",
        help=f"{', '.join((*QUICK, *SLOW))}; none is all but {', '.join(SLOW)}",
    )  # fmt: skip
    made.add_argument("--out", type=Path, default=Path("runs/benchmarks"), help="where to write")
    made.add_argument(
        "--markdown", type=Path,
        help="measure nothing: write the tables of all benchmarks that left their JSON in --out",
    )  # fmt: skip
    slow = made.add_argument_group("fusions, choices and real")
    defaults = fusions.Settings()
    slow.add_argument("--seeds", type=int, nargs="+", default=defaults.seeds,
                      help="of toy cohort, folds and networks together")  # fmt: skip
    slow.add_argument("--jobs", type=int, default=defaults.jobs,
                      help="runs at a time, each with one thread")  # fmt: skip
    big = made.add_argument_group("large")
    big.add_argument("--bags", type=int, default=0, help="of an epoch, instead of 200")
    big.add_argument("--parts", nargs="+", choices=large.PARTS, default=(),
                     help="alone; rows that an earlier call left in --out stay")  # fmt: skip
    toy = made.add_argument_group("fusions")
    toy.add_argument("--patients", type=int, nargs="+", default=defaults.patients,
                     help="cohort sizes")  # fmt: skip
    toy.add_argument("--arms", nargs="+", choices=list(fusions.ARMS), default=defaults.arms,
                     help="what is compared")  # fmt: skip
    tables = made.add_argument_group("real")
    tables.add_argument("--presets", nargs="+", choices=list(real.PRESETS),
                        default=list(real.PRESETS), help="of experiments/configs")  # fmt: skip
    tables.add_argument("--endpoints", nargs="+", choices=real.ENDPOINTS, default=real.ENDPOINTS,
                        help="what happens to patients")  # fmt: skip
    return made


def measure_alone(name: str) -> Report:
    """A benchmark with its own settings."""
    benchmark = import_module(f"experiments.benchmarks.{name}")
    report: Report = benchmark.measure(benchmark.Settings())
    return report


def main(args: list[str] | None = None) -> int:
    """Runs the command; tests call it in-process."""
    given = sys.argv[1:] if args is None else args
    cut = given.index("--") if "--" in given else len(given)
    made = parser()
    parsed = made.parse_args(given[:cut])
    unknown = [name for name in parsed.names if name not in (*QUICK, *SLOW)]
    if unknown:
        made.error(f"no such benchmark: {', '.join(unknown)}; there are {', '.join(QUICK + SLOW)}")
    if parsed.markdown:
        found = write_results(parsed.out, (*QUICK, *SLOW), parsed.markdown)
        print(f"{parsed.markdown}: {', '.join(found) or 'no benchmark has left a result'}")
        return 0
    # Wide enough for the widest table, also where the output goes into a file.
    console = Console(width=max(Console().width, 120), soft_wrap=True)
    try:
        for name in parsed.names or QUICK:
            report = _measured(name, parsed, tuple(given[cut + 1 :]), console)
            write_report(report, parsed.out)
            print_report(report, console)
    except BadInput as error:
        print(error, file=sys.stderr)
        return 2
    console.print(f"results: {parsed.out}")
    return 0


def _measured(
    name: str, parsed: argparse.Namespace, flags: tuple[str, ...], console: Console
) -> Report:
    """One benchmark; a long one writes and tells what it has so far."""

    def keep(report: Report, line: str) -> None:
        write_report(report, parsed.out)
        console.print(line)

    runs = {"seeds": tuple(parsed.seeds), "jobs": parsed.jobs, "flags": flags}
    if name == "fusions":
        arms = fusions.Settings(tuple(parsed.patients), arms=tuple(parsed.arms), **runs)
        return fusions.measure(arms, parsed.out, done=keep)
    if name == "real":
        tables = real.Settings(tuple(parsed.presets), tuple(parsed.endpoints), **runs)
        return real.measure(tables, parsed.out, done=keep)
    if name == "choices":
        return choices.measure(choices.Settings(**runs), parsed.out, done=keep)
    if name == "large":
        settings = large.with_bags(parsed.bags) if parsed.bags else large.Settings()
        if parsed.parts:
            return large.measure_beside(settings, parsed.parts, parsed.out, done=keep)
        return large.measure(settings, keep)
    return measure_alone(name)


if __name__ == "__main__":
    sys.exit(main())

"""`prepare doctor cohort.yaml`: one page on a cohort, and whether a run would be right."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console

    from data_modules.doctor import Examination


def add_flags(parser: argparse.ArgumentParser) -> None:
    """The flags of the command."""
    parser.add_argument("manifest", type=Path, help="cohort.yaml")
    parser.add_argument("--folds", type=int, default=5, help="that a run would draw")
    parser.add_argument("--seed", type=int, default=0, help="of the folds")
    parser.add_argument(
        "--out", type=Path, default=None,
        help="folder for doctor.json and the figure; default: runs/doctor/<name of the manifest>",
    )  # fmt: skip


def run(options: argparse.Namespace) -> int:
    """Examines, prints and writes; 2 where a run would be refused."""
    from rich.console import Console
    from rich.progress import Progress

    from data_modules.doctor import examine
    from experiments.figures import save_figure
    from experiments.preparing.doctor_figure import doctor_figure
    from experiments.run_folder import write_json

    console = Console(soft_wrap=True)
    with Progress(console=console, transient=True) as bar:
        task = bar.add_task("reading features", total=None)
        found = examine(
            options.manifest,
            n_folds=options.folds,
            seed=options.seed,
            progress=lambda done, total: bar.update(task, completed=done, total=total),
        )
    out = options.out or Path("runs/doctor") / options.manifest.resolve().stem
    if out == Path("runs/doctor/cohort"):
        out = Path("runs/doctor") / options.manifest.resolve().parent.name
    out.mkdir(parents=True, exist_ok=True)
    write_json(out / "doctor.json", twin(found))
    print_page(found, console)
    if found.cohort is not None:
        save_figure(doctor_figure(found.facts, found.cohort), out / "doctor.png")
    console.print(f"written: {out}")
    return 2 if found.problems else 0


def twin(found: Examination) -> dict[str, Any]:
    """The page for programs."""
    return {
        "problems": [problem._asdict() for problem in found.problems],
        "warnings": list(found.warnings),
        **found.facts,
    }


def print_page(found: Examination, console: Console) -> None:
    """The page for people."""
    from data_modules.problems import report

    facts = found.facts
    if facts:
        console.print(f"{facts['name']}, endpoint {facts['endpoint']}", style="bold")
        before = None
        for step in facts["flow"]:
            left = step["patients"]
            out = f"  ({before - left} out)" if before is not None else ""
            console.print(f"  {left:6d} patients  {step['step']}{out}")
            before = left
        _print_table(console, "has", facts["overlap"])
        _print_table(
            console, "endpoints",
            [{"endpoint": name, **numbers} for name, numbers in facts["endpoints"].items()],
        )  # fmt: skip
        missing = ", ".join(f"{name} {share:.1%}" for name, share in facts["missing"].items())
        console.print(f"missing: {missing or 'no clinical variables'}")
        for name in ("expression", "features"):
            told = ", ".join(f"{key} {_shown(value)}" for key, value in facts[name].items())
            console.print(f"{name}: {told or 'none'}")
    for warning in found.warnings:
        console.print(f"note: {warning}")
    if found.problems:
        console.print(report(found.problems), style="red")
        console.print("A run would be refused.")
    else:
        console.print("A run would start.")


def _print_table(console: Console, title: str, rows: list[dict[str, Any]]) -> None:
    from rich.box import SIMPLE
    from rich.table import Table

    table = Table(title=title, title_justify="left", box=SIMPLE)
    for column in rows[0] if rows else ():
        number = not isinstance(rows[0][column], str)
        table.add_column(column.replace("_", " "), justify="right" if number else "left")
    for row in rows:
        table.add_row(*(_shown(value) for value in row.values()))
    console.print(table)


def _shown(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key}: {item}" for key, item in value.items())
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "none"
    return f"{value:.4g}" if isinstance(value, float) else str(value)

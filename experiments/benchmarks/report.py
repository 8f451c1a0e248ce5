"""What every benchmark hands back: a table with the machine it was measured on, and its files."""

from __future__ import annotations

import json
import os
import platform
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pandas as pd
from rich.console import Console
from rich.table import Table

from data_modules.files import write_aside
from data_modules.problems import BadInput, Problem
from experiments.run_folder import write_json

Row = dict[str, Any]
# Of the machine, what rows of one table have in common.
SAME = ("cpu", "cores", "torch", "threads")


@dataclass(frozen=True)
class Report:
    """The outcome of one benchmark.

    Attributes:
        name: Of the benchmark; its files carry it.
        title: What was measured, in a line.
        rows: What is printed.
        notes: What a reader of the table must know.
        settings: What it was measured with.
        measurements: What the rows were computed from, for the CSV; empty where rows are all.
    """

    name: str
    title: str
    rows: list[Row]
    notes: list[str] = field(default_factory=list)
    settings: Row = field(default_factory=dict)
    measurements: list[Row] = field(default_factory=list)


def bar_row(what: str, value: float, unit: str, bar: float, *, most: bool = False) -> Row:
    """A measure beside the bar that it is held against.

    Args:
        what: Was measured.
        value: Of it.
        unit: Of both.
        bar: The least that is asked for.
        most: The bar is the most instead.

    Example:
        >>> bar_row("an epoch", 0.9, "x peer", 1.0)["holds"]
        'no'
    """
    return {
        "measure": what,
        "value": value,
        "unit": unit,
        "bar": f"{'<=' if most else '>='} {bar:g}",
        "holds": "yes" if (value <= bar if most else value >= bar) else "no",
    }


def beside_earlier(report: Report, folder: Path) -> Report:
    """The report with the rows that an earlier call left in `folder` and this one did not measure.

    Raises:
        BadInput: The earlier call was on another machine or another PyTorch.
    """
    path = folder / f"{report.name}.json"
    if not path.is_file():
        return report
    earlier = json.loads(path.read_text(encoding="utf-8"))
    own = machine()
    for what in SAME:
        if earlier["machine"][what] != own[what]:
            text = f"was measured with {what} {earlier['machine'][what]}, and this is {own[what]}"
            raise BadInput([Problem(str(path), None, None, f"{text}; give another --out")])
    rows = {row["measure"]: row for row in (*earlier["rows"], *report.rows)}
    notes = list(dict.fromkeys((*earlier["notes"], *report.notes)))
    return replace(report, rows=list(rows.values()), notes=notes)


def machine() -> Row:
    """The processor, its cores, the versions and the threads that a measurement holds for."""
    import torch

    return {
        "cpu": _cpu(),
        "cores": os.cpu_count() or 0,
        "load": round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None,
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "torch": str(torch.__version__),
        "threads": torch.get_num_threads(),
    }


def write_report(report: Report, folder: Path) -> None:
    """Writes <name>.json and <name>.csv."""
    folder.mkdir(parents=True, exist_ok=True)
    content = {
        "name": report.name,
        "title": report.title,
        "machine": machine(),
        "settings": report.settings,
        "rows": report.rows,
        "notes": report.notes,
        "measurements": report.measurements,
    }
    write_json(folder / f"{report.name}.json", content)
    with write_aside(folder / f"{report.name}.csv") as aside:
        table = pd.DataFrame(report.measurements or report.rows)
        table.to_csv(aside, index=False, lineterminator="\n")


def print_report(report: Report, console: Console) -> None:
    """The table, the notes and the machine."""
    console.print(f"{report.name}: {report.title}", style="bold")
    table = Table()
    for column in report.rows[0] if report.rows else ():
        text = isinstance(report.rows[0][column], str)
        table.add_column(column, justify="left" if text else "right")
    for row in report.rows:
        table.add_row(*(_shown(value) for value in row.values()))
    console.print(table)
    for note in report.notes:
        console.print(f"– {note}")
    console.print(", ".join(f"{key} {value}" for key, value in machine().items()), style="dim")


def _shown(value: Any) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def _cpu() -> str:
    """The processor's name; the architecture where the system does not tell."""
    described = Path("/proc/cpuinfo")
    if described.is_file():
        for line in described.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()

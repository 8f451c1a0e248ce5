"""RESULTS.md: the tables of finished benchmarks as Markdown, each with what it ran on."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from data_modules.files import write_aside

HEAD = """# Results of the benchmarks

Made by `python -m experiments.benchmarks --markdown experiments/benchmarks/RESULTS.md` from the
JSON files that benchmarks leave. Ratios are of one run; what is no ratio belongs to the machine
that stands below its table.
"""


def write_results(folder: Path, names: Sequence[str], path: Path) -> list[str]:
    """Writes the tables of those benchmarks that have left a JSON file, in the order of names.

    Args:
        folder: Of the JSON files.
        names: Of benchmarks.
        path: Of the Markdown.

    Returns:
        The benchmarks that are in it.
    """
    found = [name for name in names if (folder / f"{name}.json").is_file()]
    parts = [
        section(json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))) for name in found
    ]
    with write_aside(path) as aside:
        aside.write_text("\n".join([HEAD, *parts]), encoding="utf-8")
    return found


def section(content: dict[str, Any]) -> str:
    """One benchmark.

    Args:
        content: Of its JSON file.
    """
    notes = "".join(f"- {note}\n" for note in content["notes"])
    machine = ", ".join(f"{key} {value}" for key, value in content["machine"].items())
    return (
        f"## {content['name']}\n\n{content['title']}\n\n{table(content['rows'])}\n"
        f"{notes}\nOn: {machine}.\n"
    )


def table(rows: Sequence[dict[str, Any]]) -> str:
    """A Markdown table; its columns are those of all rows.

    Example:
        >>> print(table([{"way": "ours", "ratio": 0.51239}, {"way": "theirs", "ratio": None}]))
        | way | ratio |
        | --- | --- |
        | ours | 0.512 |
        | theirs |  |
        <BLANKLINE>
    """
    columns = list(dict.fromkeys(key for row in rows for key in row))
    lines = [columns, ["---"] * len(columns)]
    lines += [[shown(row.get(column)) for column in columns] for row in rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def shown(value: Any) -> str:
    """A cell: three digits of a number, nothing where there is none.

    Example:
        >>> shown(1234.5), shown(float("nan")), shown("a|b"), shown(3)
        ('1,234', '', 'a/b', '3')
    """
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"
    return str(value).replace("|", "/")

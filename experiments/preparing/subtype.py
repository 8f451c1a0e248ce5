"""`python -m experiments.prepare subtype`: PAM50 calls, and how far they agree with the table's."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console


def add_flags(parser: argparse.ArgumentParser) -> None:
    """The flags."""
    parser.add_argument("cohort", type=Path, help="the manifest")
    parser.add_argument(
        "--centroids", type=Path, metavar="FILE",
        help="pam50_centroids.txt or genefu's model; without it, the manifest's",
    )  # fmt: skip
    parser.add_argument(
        "--balance", nargs=3, metavar=("COLUMN", "VALUE", "VALUE"),
        help="groups of patients that weigh the same in the centre of a gene",
    )  # fmt: skip
    parser.add_argument(
        "--out", type=Path, metavar="FILE.csv",
        help="a row a patient; the numbers of the comparison go beside it, as .json",
    )  # fmt: skip


def run(options: argparse.Namespace) -> int:
    """Calls, compares, prints and writes.

    Raises:
        BadInput: Everything wrong with the manifest, its tables or the centroids.
    """
    from rich.console import Console

    from data_modules.called import agreement, call_cohort
    from data_modules.gene_table import Balance, SubtypeCall
    from data_modules.manifest import load_manifest
    from data_modules.problems import BadInput, Problem

    manifest = load_manifest(options.cohort)
    if options.centroids is None and manifest.call_subtype is None:
        text = "has no `call_subtype`; give --centroids"
        raise BadInput([Problem(str(options.cohort), None, None, text)])
    if options.out is not None and options.out.suffix != ".csv":
        raise BadInput([Problem(str(options.out), None, None, "--out is a file ending in .csv")])
    call = manifest.call_subtype or SubtypeCall(str(options.centroids))
    balance = call.balance
    if options.balance:
        column, *groups = options.balance
        balance = Balance(column, tuple(groups))
    call = SubtypeCall(call.centroids, balance)
    centroids = options.centroids or manifest.resolve(call.centroids)
    calls = call_cohort(manifest, call, centroids)
    found = {
        "cohort": manifest.name,
        "centroids": str(centroids),
        "centre": f"median, {column_of(balance)}",
        "patients": len(calls),
        "called": int(calls["subtype"].notna().sum()),
        "margin_median": float(calls["margin"].median()) if calls["margin"].notna().any() else None,
        **agreement(calls),
    }
    print_calls(found, calls["subtype"].value_counts().to_dict(), Console(width=120))
    if options.out is not None:
        write_calls(calls, found, options.out)
        print(f"calls: {options.out}, numbers: {options.out.with_suffix('.json')}")
    return 0


def column_of(balance: Any) -> str:
    """How the centre of a gene was found, in words."""
    if balance is None:
        return "every patient weighing the same"
    return f"{' and '.join(balance.values)} of {balance.column} weighing the same"


def print_calls(found: dict[str, Any], counts: dict[Any, int], console: Console) -> None:
    """The calls, and where the table has subtypes the confusion of the two."""
    from rich.table import Table

    console.print(f"{found['cohort']}: {found['called']} of {found['patients']} patients called")
    console.print(f"centre of a gene: {found['centre']}")
    if not found["compared"]:
        console.print(", ".join(f"{name} {count}" for name, count in counts.items()))
        return
    names = list(found["classes"])
    table = Table(title="in the table ↓, called →")
    table.add_column("")
    for name in [*names, "agree"]:
        table.add_column(name, justify="right")
    for row in names:
        numbers = found["classes"][row]
        share = f"{numbers['both'] / numbers['table']:.1%}" if numbers["table"] else "–"
        table.add_row(row, *(str(found["confusion"][row][column]) for column in names), share)
    console.print(table)
    kappa = "–" if found["kappa"] is None else f"{found['kappa']:.3f}"
    console.print(
        f"agreement {found['agreement']:.1%} of {found['compared']} patients with both, "
        f"kappa {kappa}, median margin {found['margin_median']:.3f}"
    )


def write_calls(calls: Any, found: dict[str, Any], path: Path) -> None:
    """The CSV and its JSON twin, each whole or not at all."""
    from data_modules.files import write_aside

    path.parent.mkdir(parents=True, exist_ok=True)
    with write_aside(path) as aside:
        calls.round(6).to_csv(aside, lineterminator="\n")
    with write_aside(path.with_suffix(".json")) as aside:
        text = json.dumps(found, indent=2, ensure_ascii=False) + "\n"
        aside.write_text(text, encoding="utf-8")

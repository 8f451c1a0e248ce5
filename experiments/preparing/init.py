"""`prepare init DIR`: a commented manifest for what a folder of downloads holds."""

from __future__ import annotations

import argparse
from pathlib import Path


def add_flags(parser: argparse.ArgumentParser) -> None:
    """The flags of the command."""
    parser.add_argument("folder", type=Path, help="where the downloads lie")
    parser.add_argument(
        "--out", type=Path, default=None, help="the manifest to write; default: cohort.yaml in DIR"
    )


def run(options: argparse.Namespace) -> int:
    """Writes the manifest, and says what was found and what was guessed.

    Raises:
        BadInput: The folder is not there or holds nothing, or the manifest is already there.
    """
    from rich.console import Console

    from data_modules.discovery import discover
    from data_modules.files import write_aside
    from data_modules.problems import Problems
    from data_modules.proposal import proposal

    console = Console(soft_wrap=True)
    out = options.out or options.folder / "cohort.yaml"
    problems = Problems()
    if not options.folder.is_dir():
        problems.add(options.folder, "the folder does not exist")
    if out.exists():
        problems.add(out, "is already there: remove it, or name another with --out")
    problems.raise_if_any()
    found = discover(options.folder)
    if not (found.tables or found.matrices or found.features):
        problems.add(options.folder, "no table, matrix or features were found here")
    problems.raise_if_any()
    text = proposal(found, options.folder, out)
    out.parent.mkdir(parents=True, exist_ok=True)
    with write_aside(out) as aside:
        aside.write_text(text, encoding="utf-8")
    for table in found.tables:
        console.print(f"table: {table.path} ({table.format}, patients in {table.id!r})")
    for path, form in found.matrices:
        console.print(f"expression: {path} ({form})")
    for folder, files in found.features:
        console.print(f"features: {folder} ({files} files)")
    for path, why in found.passed:
        console.print(f"not understood: {path}: {why}")
    console.print(f"{text.count('guessed')} guesses, marked in the file")
    console.print(f"wrote {out}; next: python -m experiments.prepare doctor {out}")
    return 0

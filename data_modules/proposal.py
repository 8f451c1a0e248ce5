"""A commented manifest for what a folder of downloads holds; every guess is marked."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import pandas as pd
import yaml

from data_modules.discovery import Found, FoundTable
from data_modules.known_columns import CENSORED, ENDPOINTS, HAPPENED, VARIABLES, Variable
from data_modules.manifest import OF
from data_modules.problems import Problems
from data_modules.sources import FORMATS, read_table
from data_modules.vocabulary import READINGS

# A column known for fewer patients than this share is not proposed.
KNOWN_SHARE = 0.5


class Source(NamedTuple):
    """A table of the manifest: its name there and its content."""

    name: str
    found: FoundTable
    table: pd.DataFrame

    def refer(self, column: str) -> str:
        """How the manifest names a column of this table."""
        return column if not self.name else f"{self.name}{OF}{column}"


def proposal(found: Found, folder: Path, file: Path) -> str:
    """The text of a manifest.

    Args:
        found: What `discover` saw in `folder`.
        folder: For the name of the cohort.
        file: Where the manifest will lie; its paths are relative to it.

    Returns:
        YAML with comments. Where no table has an endpoint, the endpoints are left to be filled in,
        and reading the manifest says so.
    """
    sources = _sources(found)
    lines = [
        "# Proposed from what the folder holds. Lines with a guess say so: check them, then run",
        f"#   python -m experiments.prepare doctor {file.name}",
        f"name: {_quoted(folder.resolve().name)}",
    ]
    base = next((s for s in sources if not s.name), None)
    if base is None:
        lines += ["# no table with a row a patient was found", "patients: {path: , id: }"]
    endpoints = _endpoints(sources)
    derived, covariates = _variables(sources)
    if base is not None:
        lines += _tables(
            sources, file, "\n".join([*endpoints[0], *(d.split("#")[0] for d in derived)])
        )
    lines += ["", "derive:" if derived else "derive: {}", *derived]
    lines += ["", "endpoints:  # guessed from the names of the columns", *endpoints[0]]
    lines += [f"endpoint: {endpoints[1]}" if endpoints[1] else "# endpoint: OS"]
    if any(line.startswith("  pam50:") for line in derived):
        lines += ["subtype: pam50"]
    if endpoints[1]:
        lines += ["", "include:", "  - {endpoint: usable}  # event known, time known and above 0"]
    lines += ["", "covariates:" if covariates else "covariates: {}", *covariates]
    lines += _genes(found, file) + _features(found, file) + _left(found, sources, folder)
    return "\n".join(lines) + "\n"


def _sources(found: Found) -> list[Source]:
    """The patient table and the others; tables that cannot be read are passed over."""
    read = []
    for entry in found.tables:
        table = read_table(entry.path, Problems(), FORMATS[entry.format])
        if table is not None and entry.id in table:
            read.append((entry, table))
    # The base is the table that knows an endpoint of the most patients.
    scored = [
        (any(_endpoint(Source("", e, t), name) for name in ENDPOINTS) * t[e.id].nunique(), e, t)
        for e, t in read
    ]
    if not scored:
        return []
    best = max(range(len(scored)), key=lambda i: scored[i][0])
    names: set[str] = set()
    sources = [Source("", scored[best][1], scored[best][2])]
    for i, (_, entry, table) in enumerate(scored):
        if i != best:
            sources.append(Source(_name(entry.path, names), entry, table))
    return sources


def _name(path: Path, taken: set[str]) -> str:
    stem = "".join(c if c.isalnum() else "_" for c in path.name.split(".")[0]).strip("_").lower()
    name, number = stem, 2
    while name in taken:
        name, number = f"{stem}_{number}", number + 1
    taken.add(name)
    return name


def _tables(sources: Sequence[Source], file: Path, used: str) -> list[str]:
    """The patient table and those whose columns are used; the others as comments."""
    lines, unused = [], []
    for source in sources:
        place = f"  {source.name}: " if source.name else "patients: "
        entry = f"{{path: {_path(source.found.path, file)}"
        if source.found.format != "table":
            entry += f", format: {source.found.format}"
        entry += f", id: {_quoted(source.found.id)}}}"
        rows = source.table[source.found.id].nunique()
        line = f"{place}{entry}  # {rows} patients"
        if not source.name:
            lines += [line, "tables:"]
        elif f"{source.name}{OF}" in used:
            lines.append(line)
        else:
            unused.append(f"#{line[1:]}")
    if lines[-1] == "tables:":
        lines[-1] = "tables: {}"
    return [*lines, *(["# Not used so far:"] if unused else []), *unused]


def _endpoint(source: Source, name: str) -> tuple[str, str, str] | None:
    return next((e for e in ENDPOINTS[name] if {e[0], e[1]} <= set(source.table.columns)), None)


def _endpoints(
    sources: Sequence[Source],
) -> tuple[list[str], str]:
    """Lines, and the name of the first endpoint."""
    lines: list[str] = []
    first = ""
    for name in ENDPOINTS:
        for source in sources:
            found = _endpoint(source, name)
            if found is None:
                continue
            time, event, unit = found
            codes, strange = _codes(source.table[event])
            if strange or len(set(codes.values())) < 2:
                lines.append(f"  # {name}: {event} holds {sorted(strange)[:4]}, not understood")
                continue
            written = ", ".join(f"{_quoted(c)}: {str(v).lower()}" for c, v in codes.items())
            time, event = source.refer(time), source.refer(event)
            lines.append(
                f"  {name}: {{time: {_quoted(time)}, unit: {unit}, event: {_quoted(event)}, "
                f"codes: {{{written}}}}}"
            )
            first = first or name
            break
    if not first:
        lines.append("  {}  # no column was recognised: fill in")
    return lines, first


def _codes(column: pd.Series) -> tuple[dict[str, bool], set[str]]:
    codes: dict[str, bool] = {}
    strange = set()
    for text in sorted(column.dropna().unique()):
        word = text.casefold().replace(" ", "")
        if word.startswith(HAPPENED) and not word.startswith("0"):
            codes[text] = True
        elif word.startswith(CENSORED):
            codes[text] = False
        else:
            strange.add(text)
    return codes, strange


def _variables(sources: Sequence[Source]) -> tuple[list[str], list[str]]:
    derived, covariates = [], []
    for variable in VARIABLES:
        candidates = _candidates(variable, sources)
        if not candidates:
            continue
        source, column = candidates[0]
        entry = f"columns: [{_quoted(source.refer(column))}], read: {variable.read}"
        if column in variable.days:
            entry += ", unit: days, to: years"
        others = ", ".join(s.refer(c) for s, c in candidates[1:4])
        note = f"  # guessed; also in {others}" if others else "  # guessed"
        derived.append(f"  {variable.name}: {{{entry}}}{note}")
        if variable.covariate:
            covariates.append(
                f"  {variable.name}: {{column: {variable.name}, {variable.covariate}}}"
            )
    return derived, covariates


def _candidates(variable: Variable, sources: Sequence[Source]) -> list[tuple[Source, str]]:
    """Columns that are known for most patients and read without a doubt, the fullest first."""
    patients = set(sources[0].table[sources[0].found.id].dropna()) if sources else set()
    fit: list[tuple[int, Source, str]] = []
    for source in sources:
        for column in variable.columns:
            if column not in source.table or (not source.name and column == variable.name):
                continue
            known = source.table[[source.found.id, column]].dropna()
            covered = len(patients & set(known[source.found.id]))
            if covered >= KNOWN_SHARE * len(patients) and _readable(known[column], variable.read):
                fit.append((covered, source, column))
    fit.sort(key=lambda item: -item[0])
    return [(source, column) for _, source, column in fit]


def _readable(column: pd.Series, read: str) -> bool:
    reading = READINGS[read]
    try:
        return any(reading(text) is not None for text in column.unique())
    except ValueError:
        return False


def _genes(found: Found, file: Path) -> list[str]:
    if not found.matrices:
        return []
    path, form = found.matrices[0]
    scale = "log2_rsem" if form == "xena" else "rsem"
    lines = ["", "genes:", f"  path: {_path(path, file)}", f"  format: {form}"]
    lines += [f"  scale: {scale}  # guessed from the format; the doctor checks it"]
    lines += ["  set: pam50"]
    lines += [f"  # another matrix: {_path(other, file)}" for other, _ in found.matrices[1:]]
    return lines


def _features(found: Found, file: Path) -> list[str]:
    if not found.features:
        return []
    lines = ["", "features:"]
    names: set[str] = set()
    for folder, files in found.features:
        name = _name(folder, names)
        entry = f"{{format: bags, path: {_path(folder, file)}}}"
        lines.append(f"  {name}: {entry}  # {files} files")
    lines.append(f"encoder: {_name(found.features[0][0], set())}  # guessed: the first")
    return lines


def _left(found: Found, sources: Sequence[Source], folder: Path) -> list[str]:
    if not found.passed:
        return []
    lines = ["", "# Not understood:"]
    return lines + [f"#   {path.relative_to(folder)}: {why}" for path, why in found.passed]


def _path(path: Path, file: Path) -> str:
    return _quoted(os.path.relpath(path.resolve(), file.resolve().parent))


def _quoted(text: str) -> str:
    """As YAML writes it in one line."""
    return (
        yaml.safe_dump(text, default_flow_style=True, width=10_000).removesuffix("\n...\n").strip()
    )

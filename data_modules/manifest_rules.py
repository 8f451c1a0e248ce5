"""What the keys of a manifest must not say together."""

from __future__ import annotations

from typing import TYPE_CHECKING

from data_modules.gene_table import check_genes
from data_modules.genes import nearest
from data_modules.problems import Problems
from data_modules.units import kind_of

if TYPE_CHECKING:
    from pathlib import Path

    from data_modules.manifest import Derived, Manifest

# Between a table and its column, where a manifest names more than one table.
OF = "::"
# Names that the cohort's table uses itself.
TAKEN = ("patient_id", "time_days", "event", "site", "subtype")
# µm per px that a microscope can have; 250 would be nm.
MPP_RANGE = (0.01, 100.0)
# A Nottingham sum, or its three scores.
NOTTINGHAM = (1, 3)


def code(text: str) -> str:
    """How codes and levels are compared: 1.0 and 1 are one, as spreadsheets write them.

    Example:
        >>> code("2.0") == code("2"), code("LumA")
        (True, 'LumA')
    """
    whole = text.removesuffix(".0")
    return whole if whole.removeprefix("-").isdecimal() else text


def check_rules(manifest: Manifest, path: Path, problems: Problems) -> None:
    """What no single key can show to be wrong.

    Args:
        manifest: Whose keys are of the right kinds.
        path: Of the manifest.
        problems: Where they go.
    """
    check_genes(manifest.genes, manifest.call_subtype, path, problems)
    if not manifest.endpoints:
        problems.add(path, "at least one endpoint is needed", column="endpoints")
    if manifest.endpoint and manifest.endpoint not in manifest.endpoints:
        problems.add(
            path,
            f"{manifest.endpoint!r} is not among the endpoints {sorted(manifest.endpoints)}",
            column="endpoint",
        )
    if manifest.encoder and manifest.encoder not in manifest.features:
        problems.add(
            path,
            f"{manifest.encoder!r} is not among the features {sorted(manifest.features)}",
            column="encoder",
        )
    for position, rule in enumerate(manifest.include, start=1):
        ways = [bool(rule.values), rule.above is not None, bool(rule.missing)]
        kinds = [bool(rule.column), bool(rule.has), bool(rule.endpoint)]
        if sum(kinds) != 1 or sum(ways) != bool(rule.column):
            problems.add(
                path,
                "a rule has a column with one of values, above or missing, or it has `has`, or "
                "`endpoint: usable`",
                column=f"include[{position}]",
            )
        described = {"image": bool(manifest.features), "genes": manifest.genes is not None}
        for modality in rule.has:
            if not described[modality]:
                problems.add(
                    path,
                    f"asks for {modality}, which the manifest does not describe",
                    column=f"include[{position}]",
                )
    for name, endpoint in manifest.endpoints.items():
        if len({code(text) for text in endpoint.codes}) < len(endpoint.codes):
            problems.add(path, "a code stands twice", column=f"endpoints.{name}.codes")
    for name, covariate in manifest.covariates.items():
        place = f"covariates.{name}"
        if name in TAKEN:
            problems.add(path, "give it another name: the table has this column", column=place)
        if covariate.kind != "numeric" and not covariate.levels:
            problems.add(path, f"{covariate.kind} needs levels", column=place)
        if covariate.kind != "numeric" and covariate.log:
            problems.add(path, f"{covariate.kind} has no log", column=place)
        codes = [code(level) for level in covariate.levels]
        if len(set(codes)) < len(codes):
            problems.add(path, "a level stands twice", column=place)
    for name, source in manifest.features.items():
        if source.width < 0:
            problems.add(path, "a width is positive", column=f"features.{name}.width")
        for key, mpp in (("mpp", source.mpp), ("coords_mpp", source.coords_mpp)):
            if mpp and not MPP_RANGE[0] <= mpp <= MPP_RANGE[1]:
                place = f"features.{name}.{key}"
                problems.add(path, f"{mpp:g} is no µm per px; 40x is about 0.25", column=place)
        if source.format == "table" and not source.id:
            problems.add(path, "a feature table needs id", column=f"features.{name}.id")
    check_tables(manifest, path, problems)


def check_tables(manifest: Manifest, path: Path, problems: Problems) -> None:
    """Reports what `tables` and `derive` say that no table could make true.

    Args:
        manifest: Whose keys are of the right kinds.
        path: Of the manifest.
        problems: Where they go.
    """
    for name in manifest.tables:
        if not name or OF in name:
            problems.add(path, f"the name of a table has no {OF!r} in it", column=f"tables.{name}")
    for name, entry in manifest.derive.items():
        place = f"derive.{name}"
        if name in TAKEN:
            problems.add(path, "give it another name: the table has this column", column=place)
        if not name or OF in name:
            problems.add(path, f"the name of a column has no {OF!r} in it", column=place)
        _check_columns(entry, manifest, place, path, problems)
        if entry.read == "number":
            _check_units(entry, place, path, problems)
        elif entry.unit or entry.units or entry.to or entry.tolerance:
            problems.add(path, "only `read: number` has units and a tolerance", column=place)
    _check_readers(manifest, path, problems)


def _check_columns(
    entry: Derived, manifest: Manifest, place: str, path: Path, problems: Problems
) -> None:
    columns, where = entry.columns, f"{place}.columns"
    if not columns:
        problems.add(path, "names the columns that it is made of; there are none", column=where)
    for column in sorted({column for column in columns if columns.count(column) > 1}):
        problems.add(path, f"{column!r} stands twice", column=where)
    for column in columns:
        if column in manifest.derive:
            told = f"{column!r} is derived itself: name the columns of tables, and no derived one"
            problems.add(path, told, column=where)
    if entry.read == "nottingham" and columns and len(columns) not in NOTTINGHAM:
        told = f"nottingham reads one sum or three scores, found {len(columns)} columns"
        problems.add(path, told, column=where)
    for column in entry.units:
        if column not in columns:
            told = f"{column!r} is not among the columns{nearest(column, columns)}"
            problems.add(path, told, column=f"{place}.units")


def _check_units(entry: Derived, place: str, path: Path, problems: Problems) -> None:
    units = [unit for unit in (entry.unit, *entry.units.values(), entry.to) if unit]
    if len({kind_of(unit) for unit in units}) > 1:
        told = f"{' and '.join(dict.fromkeys(units))} do not measure the same"
        problems.add(path, told, column=place)
    if entry.units and not (entry.unit or entry.to):
        problems.add(path, "`units` needs `to`: the unit that all are brought to", column=place)
    if entry.tolerance < 0:
        told = f"is 0 or more, found {entry.tolerance:g}"
        problems.add(path, told, column=f"{place}.tolerance")


def _check_readers(manifest: Manifest, path: Path, problems: Problems) -> None:
    """Who reads a derived number declares the unit that it is brought to."""
    readers: list[tuple[str, str, str]] = [
        (f"endpoints.{n}", e.time, e.unit) for n, e in manifest.endpoints.items()
    ]
    readers += [(f"covariates.{n}", c.column, c.unit) for n, c in manifest.covariates.items()]
    for place, column, unit in readers:
        entry = manifest.derive.get(column)
        made = (entry.to or entry.unit) if entry else ""
        if kind_of(unit) and made and unit != made:
            told = f"is {unit}, and derive.{column} makes {made}"
            problems.add(path, told, column=f"{place}.unit")

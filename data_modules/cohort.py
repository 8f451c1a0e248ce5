"""The cohort: one validated row a patient, and what each modality knows of that patient."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

import pandas as pd

from data_modules.called import add_calls, calling, with_called_subtype
from data_modules.expression import Expression, read_matrix
from data_modules.features import BagStore, FeatureStore
from data_modules.features.source import BagSource, TableSource, open_source
from data_modules.gene_sets import read_gene_set
from data_modules.genes import PAM50, nearest
from data_modules.joined import Joined, Located, read_patients
from data_modules.manifest import Covariate, Endpoint, Manifest
from data_modules.patients import apply_rules, check_columns, named_columns, patient_rows
from data_modules.plausible import suspicion
from data_modules.problems import Problems
from data_modules.units import KINDS

# Of the patients that a note counts, this many are named.
NAMED = 6


@dataclass(frozen=True)
class Cohort:
    """What a run knows of its patients before any fold is drawn.

    Attributes:
        name: Of the manifest.
        endpoint: Name of the endpoint.
        encoder: Name of the image features; empty without an image.
        modalities: Those that the run asked for.
        table: Index patient_id; columns time_days, event, site, subtype and the raw covariates
            (numbers, or text for categorical ones; missing is NaN or None).
        covariates: Of the manifest; empty where clinical variables are not asked for.
        expression: Patients by genes, NaN where not measured; None where genes are not asked for.
        features: Bags; None where images are not asked for.
        flow: Steps of the inclusion and the patients left after each.
        notes: What a reader should know: who lacks a modality, what was not used.
        data_hash: Changes with any value that a run can see.
        described: Every covariate of the manifest, also where clinical variables are not asked for:
            `table` holds them all, and a report reads them.
    """

    name: str
    endpoint: str
    encoder: str
    modalities: tuple[str, ...]
    table: pd.DataFrame
    covariates: dict[str, Covariate]
    expression: pd.DataFrame | None
    features: FeatureStore | None
    flow: tuple[tuple[str, int], ...]
    notes: tuple[str, ...]
    data_hash: str
    described: dict[str, Covariate] = field(default_factory=dict)


def load_cohort(
    manifest: Manifest,
    *,
    endpoint: str | None = None,
    modalities: Sequence[str] = ("image", "genes", "clinical"),
    encoder: str | None = None,
) -> Cohort:
    """Reads everything that a run will use, and refuses what it could not use rightly.

    Args:
        manifest: Of the cohort.
        endpoint: Name of an endpoint; None takes the manifest's.
        modalities: Those to read.
        encoder: Name of the image features; None takes the manifest's.

    Raises:
        BadInput: Everything wrong with the tables, the matrix and the features, in one report.
    """
    problems = Problems()
    manifest = with_called_subtype(manifest)
    endpoint_name = endpoint or manifest.endpoint or next(iter(manifest.endpoints))
    # Who is in the cohort does not depend on the run: arms of an experiment share their folds.
    needed = {*modalities, *(modality for rule in manifest.include for modality in rule.has)}
    needed |= {"genes"} if calling(manifest) else set()
    encoder_name = _encoder(manifest, encoder) if "image" in needed else ""
    _check_request(manifest, endpoint_name, encoder_name, modalities, problems)
    problems.raise_if_any()

    chosen = manifest.endpoints[endpoint_name]
    joined, read, source = _read(manifest, chosen, encoder_name, needed, problems)
    located = Located(problems, joined.origins)
    expression = read.matrix if read is not None else None
    having = _having(expression, source)
    raw, identifier, path = joined.table, joined.identifier, joined.path
    kept, flow = apply_rules(raw, manifest.include, chosen, having, identifier, path, located)
    table = patient_rows(kept, manifest, chosen, identifier, path, located)
    features = source.load(table.index, problems) if source and "image" in modalities else None
    if table.empty:
        steps = ", ".join(f"{left} {step}" for step, left in flow)
        problems.add(path, f"no patient is left: {steps}")
    for modality, patients in having.items():
        if not table.empty and not set(patients) & set(table.index):
            problems.add(manifest.file, f"no patient of the cohort has {modality}")
    problems.raise_if_any()

    having = {modality: having[modality] for modality in having if modality in modalities}
    if "genes" not in modalities:
        expression = None
    if expression is not None:
        expression = expression.loc[table.index.intersection(expression.index, sort=False)]
    covariates = dict(manifest.covariates) if "clinical" in modalities else {}
    if "clinical" in modalities:
        having["clinical"] = table.index[table[list(covariates)].notna().any(axis=1)]
    notes = [*joined.notes, *_suspicions(table, manifest, chosen)]
    notes += read.notes if read is not None else ()
    notes += _notes(table, having, source.strangers if source is not None else ())
    notes += features.notes() if isinstance(features, BagStore) else ()
    return Cohort(
        name=manifest.name,
        endpoint=endpoint_name,
        encoder=encoder_name if features is not None else "",
        modalities=tuple(modalities),
        table=table,
        covariates=covariates,
        expression=expression,
        features=features,
        flow=tuple(flow),
        notes=tuple(notes),
        data_hash=_hash(table, manifest.covariates, expression, features),
        described=dict(manifest.covariates),
    )


def _read(
    manifest: Manifest,
    endpoint: Endpoint,
    encoder: str,
    needed: Collection[str],
    problems: Problems,
) -> tuple[Joined, Expression | None, BagSource | TableSource | None]:
    """Patients, expression and features as they lie on disk."""
    named = named_columns(manifest, endpoint)
    before = len(problems.found)
    joined = read_patients(manifest, named, problems)
    # A cell that was not understood is reported together with what is wrong elsewhere; a column
    # that is not there ends the reading.
    complete = joined is not None and all(p.row is not None for p in problems.found[before:])
    expression = read_expression(manifest, problems) if "genes" in needed else None
    if joined is not None and calling(manifest):
        joined, expression = _call(manifest, joined, expression, problems)
    if joined is not None and not check_columns(
        joined.table, named, joined.path, problems, derived=manifest.derive
    ):
        complete = False
    identifiers: list[str] = []
    if joined is not None:
        identifiers = joined.table[joined.identifier].dropna().tolist()
    source = open_source(manifest, encoder, identifiers, problems) if encoder else None
    if not complete:
        problems.raise_if_any()
    assert joined is not None
    return joined, expression, source


def _call(
    manifest: Manifest, joined: Joined, expression: Expression | None, problems: Problems
) -> tuple[Joined, Expression]:
    """The table with the called subtypes, and the expression of the genes that a run reads."""
    if expression is None:
        problems.raise_if_any()
    assert expression is not None
    matrix = expression.matrix
    table, notes = add_calls(
        joined.table, manifest, joined.identifier, matrix, joined.path, problems
    )
    kept = matrix[list(gene_set(manifest, problems))]
    return joined._replace(table=table), Expression(kept, (*expression.notes, *notes))


def _having(
    expression: pd.DataFrame | None, source: BagSource | TableSource | None
) -> dict[str, Collection[str]]:
    """Patients by modality that was read."""
    having: dict[str, Collection[str]] = {}
    if source is not None:
        having["image"] = source.patients()
    if expression is not None:
        having["genes"] = set(expression.index[expression.notna().any(axis=1)])
    return having


def read_expression(manifest: Manifest, problems: Problems) -> Expression | None:
    """The expression matrix of the manifest's gene set, and of PAM50 where subtypes are called."""
    if manifest.genes is None:
        return None
    genes = gene_set(manifest, problems)
    if not genes:
        return None
    needed = dict.fromkeys([*genes, *(PAM50 if calling(manifest) else ())])
    path = manifest.resolve(manifest.genes.path)
    return read_matrix(path, manifest.genes, list(needed), problems)


def gene_set(manifest: Manifest, problems: Problems) -> tuple[str, ...]:
    """The genes of PAM50, or the symbols of a list file, under their current names."""
    assert manifest.genes is not None
    name = manifest.genes.set
    return read_gene_set(name, manifest.resolve(name), problems)


def _encoder(manifest: Manifest, encoder: str | None) -> str:
    return encoder or manifest.encoder or next(iter(manifest.features), "")


def _check_request(
    manifest: Manifest,
    endpoint: str,
    encoder: str,
    modalities: Sequence[str],
    problems: Problems,
) -> None:
    file = manifest.file
    if endpoint not in manifest.endpoints:
        hint = nearest(endpoint, manifest.endpoints)
        problems.add(file, f"--endpoint={endpoint}: there are {sorted(manifest.endpoints)}{hint}")
    if "image" in modalities and not manifest.features:
        problems.add(file, "--modalities asks for image, but the manifest has no features")
    elif encoder and encoder not in manifest.features:
        hint = nearest(encoder, manifest.features)
        problems.add(file, f"--encoder={encoder}: there are {sorted(manifest.features)}{hint}")
    if "genes" in modalities and manifest.genes is None:
        problems.add(file, "--modalities asks for genes, but the manifest has no genes")
    if "clinical" in modalities and not manifest.covariates:
        problems.add(file, "--modalities asks for clinical, but the manifest has no covariates")


def _suspicions(table: pd.DataFrame, manifest: Manifest, endpoint: Endpoint) -> list[str]:
    times = table["time_days"] / KINDS["time"][endpoint.unit]
    told = [suspicion(times, endpoint.unit, endpoint.time)]
    told += [
        suspicion(table[name].astype(float), covariate.unit, name)
        for name, covariate in manifest.covariates.items()
        if covariate.kind == "numeric"
    ]
    return [line for line in told if line]


def _notes(
    table: pd.DataFrame, having: dict[str, Collection[str]], strangers: Sequence[str]
) -> list[str]:
    """Who is kept without a modality, and what was found for nobody."""
    notes = []
    for modality, patients in having.items():
        lacking = [p for p in table.index if p not in patients]
        if lacking:
            notes.append(f"{len(lacking)} patients kept without {modality}: {_named(lacking)}")
    if "genes" in having:
        unused = sorted(set(having["genes"]) - set(table.index))
        if unused:
            notes.append(f"expression of {len(unused)} not in the cohort: {_named(unused)}")
    if strangers:
        notes.append(f"features of {len(strangers)} not in the patient table: {_named(strangers)}")
    return notes


def _named(names: Sequence[str]) -> str:
    rest = len(names) - NAMED
    return ", ".join(names[:NAMED]) + (f" and {rest} more" if rest > 0 else "")


def _hash(
    table: pd.DataFrame,
    covariates: dict[str, Covariate],
    expression: pd.DataFrame | None,
    features: FeatureStore | None,
) -> str:
    digest = hashlib.sha256(table.to_csv().encode())
    digest.update(repr(sorted(covariates.items())).encode())
    if expression is not None:
        digest.update(expression.to_csv().encode())
    if features is not None:
        digest.update(features.fingerprint().encode())
    return digest.hexdigest()

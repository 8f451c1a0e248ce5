"""What a cohort is like before anything is trained: who is in, what is missing, how long."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from data_modules.barcodes import BARCODE
from data_modules.cohort import Cohort, load_cohort
from data_modules.features.report import SlideReport, duplicates
from data_modules.features.scan import Progress, cache_folder, scan
from data_modules.features.store import BagStore
from data_modules.folds import make_folds
from data_modules.manifest import Manifest, load_manifest
from data_modules.problems import BadInput, Problem

DAYS_PER_YEAR = 365.25
FEW_EVENTS = 10
NAMED = 6

# Encoders whose training included slides of TCGA: features of TCGA patients from them have seen the
# patients on whom they are now tested.
SEEN_TCGA = {
    "ctranspath": "Wang et al. 2022, doi:10.1016/j.media.2022.102559",
    "retccl": "Wang et al. 2023, doi:10.1016/j.media.2022.102645",
    "hipt": "Chen et al. 2022, doi:10.1109/CVPR52688.2022.01567",
    "phikon": "Filiot et al. 2023, doi:10.1101/2023.07.21.23292757",
    "lunit": "Kang et al. 2023, doi:10.1109/CVPR52729.2023.00326",
    "chief": "Wang et al. 2024, doi:10.1038/s41586-024-07894-z",
}


class Examination(NamedTuple):
    """What the doctor found.

    Attributes:
        problems: Why a run would be refused; empty where it would not.
        warnings: What a run would not stop at, and a reader should know.
        facts: Numbers by heading, as plain values; empty where the cohort cannot be read.
        cohort: The cohort, where it could be read.
    """

    problems: tuple[Problem, ...]
    warnings: tuple[str, ...]
    facts: dict[str, Any]
    cohort: Cohort | None


def examine(
    path: Path, *, n_folds: int = 5, seed: int = 0, progress: Progress | None = None
) -> Examination:
    """Reads everything that the manifest names, and trains nothing.

    Args:
        path: The manifest.
        n_folds: A run would draw.
        seed: Of the folds.
        progress: Called with the number of feature files seen and of all.
    """
    try:
        manifest = load_manifest(path)
        cohort = load_cohort(manifest, modalities=described(manifest))
    except BadInput as error:
        return Examination(error.problems, (), {}, None)
    problems: tuple[Problem, ...] = ()
    try:
        make_folds(cohort, n_folds=n_folds, protocol="nested", seed=seed)
    except BadInput as error:
        problems = error.problems
    endpoints, told = _endpoints(manifest, cohort)
    reports = slide_reports(cohort, progress)
    facts = {
        "name": cohort.name,
        "endpoint": cohort.endpoint,
        "flow": [{"step": step, "patients": left} for step, left in cohort.flow],
        "overlap": overlap(cohort),
        "missing": missing(cohort),
        "endpoints": endpoints,
        "expression": expression_facts(cohort),
        "features": feature_facts(cohort, reports),
    }
    warnings = [*cohort.notes, *told, *feature_warnings(cohort, reports)]
    return Examination(problems, tuple(warnings), facts, cohort)


def described(manifest: Manifest) -> tuple[str, ...]:
    """Modalities that the manifest describes."""
    present = {
        "image": bool(manifest.features),
        "genes": manifest.genes is not None,
        "clinical": bool(manifest.covariates),
    }
    return tuple(name for name, there in present.items() if there)


def overlap(cohort: Cohort) -> list[dict[str, Any]]:
    """Patients by the set of modalities that they have, the largest set first."""
    index = cohort.table.index
    has = pd.DataFrame(index=index)
    if cohort.features is not None:
        has["image"] = index.isin(cohort.features.patients())
    if cohort.expression is not None:
        known = cohort.expression.notna().any(axis=1)
        has["genes"] = index.isin(known.index[known])
    if cohort.covariates:
        has["clinical"] = cohort.table[list(cohort.covariates)].notna().any(axis=1)
    sets = has.apply(lambda row: "+".join(has.columns[row.to_numpy(bool)]) or "nothing", axis=1)
    counts = sets.value_counts()
    return [{"modalities": str(name), "patients": int(n)} for name, n in counts.items()]


def missing(cohort: Cohort) -> dict[str, float]:
    """Share of patients of whom a variable is not known."""
    return {name: float(cohort.table[name].isna().mean()) for name in cohort.covariates}


def follow_up_median(time_days: np.ndarray, event: np.ndarray) -> float:
    """Median follow-up in days by the reverse Kaplan-Meier method; NaN where it is not reached.

    Being censored is the event, and an event censors: how long patients would have been followed
    had nobody died.

    Source: Schemper and Smith, A note on quantifying follow-up in studies of failure time, 1996,
    doi:10.1016/0197-2456(96)00075-X.

    Example:
        >>> follow_up_median(np.array([1.0, 2.0, 3.0, 4.0]), np.array([True, False, False, False]))
        3.0
    """
    order = np.argsort(time_days, kind="stable")
    times, censored = time_days[order], ~event[order].astype(bool)
    still = 1.0
    for moment in np.unique(times):
        # Of those who leave at one time, events come first.
        at_risk = int((times > moment).sum() + censored[times == moment].sum())
        if at_risk:
            still *= 1.0 - censored[times == moment].sum() / at_risk
        if still <= 0.5:
            return float(moment)
    return float("nan")


def _endpoints(manifest: Manifest, cohort: Cohort) -> tuple[dict[str, Any], list[str]]:
    """Events and follow-up of every endpoint of the manifest that the patients allow."""
    facts: dict[str, Any] = {}
    told: list[str] = []
    for name in manifest.endpoints:
        try:
            table = (
                cohort.table
                if name == cohort.endpoint
                else load_cohort(manifest, endpoint=name, modalities=("clinical",)).table
            )
        except BadInput as error:
            told.append(f"endpoint {name} cannot be used: {error.problems[0]}")
            continue
        times = table["time_days"].to_numpy(float)
        event = table["event"].to_numpy(bool)
        facts[name] = {
            "patients": len(table),
            "events": int(event.sum()),
            "events_within_5_years": int((event & (times <= 5 * DAYS_PER_YEAR)).sum()),
            "median_follow_up_years": follow_up_median(times, event) / DAYS_PER_YEAR,
            "longest_years": float(times.max()) / DAYS_PER_YEAR,
        }
        if event.sum() < FEW_EVENTS:
            told.append(f"endpoint {name} has {int(event.sum())} events: too few for any model")
    return facts, told


def expression_facts(cohort: Cohort) -> dict[str, Any]:
    """Range of the values, as the model sees them, and what is not measured."""
    if cohort.expression is None:
        return {}
    values = cohort.expression.to_numpy(float)
    known = values[np.isfinite(values)]
    absent = cohort.expression.isna().mean()
    return {
        "patients": len(cohort.expression),
        "genes": cohort.expression.shape[1],
        "lowest": float(known.min()) if known.size else float("nan"),
        "median": float(np.median(known)) if known.size else float("nan"),
        "highest": float(known.max()) if known.size else float("nan"),
        "missing": float(np.isnan(values).mean()),
        "genes_not_measured": [str(gene) for gene in absent.index[absent == 1.0]],
    }


def feature_facts(cohort: Cohort, reports: Sequence[SlideReport]) -> dict[str, Any]:
    """How many patients, slides and patches, of what width, and by whom."""
    store = cohort.features
    if store is None:
        return {}
    facts: dict[str, Any] = {
        "encoder": cohort.encoder,
        "width": store.width,
        "patients": len(store.patients()),
    }
    if not reports:
        return facts
    patches = [report.patches for report in reports]
    layouts = pd.Series([report.layout for report in reports]).value_counts()
    encoders = sorted({report.provenance.encoder for report in reports} - {""})
    return facts | {
        "slides": len(reports),
        "patches_fewest": min(patches),
        "patches_median": float(np.median(patches)),
        "patches_most": max(patches),
        "zero_patches": sum(report.zero_patches for report in reports),
        "layouts": {str(name): int(n) for name, n in layouts.items()},
        "encoders_in_the_files": encoders,
    }


def slide_reports(cohort: Cohort, progress: Progress | None) -> list[SlideReport]:
    """Of every file of the cohort; files that have not changed since the last look are not read."""
    if not isinstance(cohort.features, BagStore):
        return []
    paths = [slide.path for slides in cohort.features.slides.values() for slide in slides]
    return list(scan(paths, cache_folder(), progress))


def feature_warnings(cohort: Cohort, reports: Sequence[SlideReport]) -> list[str]:
    """Slides that are one, patches without content, and encoders that have seen the patients."""
    told = []
    for group in duplicates(reports)[:NAMED]:
        names = ", ".join(report.path.name for report in group)
        told.append(f"the same features to the byte: {names}")
    hollow = [report for report in reports if report.zero_patches]
    if hollow:
        patches = sum(report.zero_patches for report in hollow)
        named = ", ".join(report.path.name for report in hollow[:NAMED])
        told.append(f"{patches} patches of {len(hollow)} slides are all zero: {named}")
    from_tcga = any(BARCODE.fullmatch(str(patient)) for patient in cohort.table.index)
    encoders = {cohort.encoder, *(report.provenance.encoder for report in reports)}
    for name in sorted(encoders):
        seen = next((source for key, source in SEEN_TCGA.items() if key in name.casefold()), "")
        if seen and from_tcga:
            told.append(
                f"the encoder {name} was trained on slides of TCGA ({seen}): on these patients "
                "its features flatter the model"
            )
    return told

"""Writes the toy cohort in the formats of a real one, so that the same code reads it."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import json
import shutil
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
import yaml

from data_modules.features import write_bag
from data_modules.genes import PAM50
from data_modules.toy_observe import PATCH_PX, expression, luminal_subtype, patient_slides
from data_modules.toy_truth import ToyConfig, Truth, simulate

# Widths are smaller than those of the real encoders, so that the cohort is built in seconds.
ENCODER_WIDTHS = {"maxvit": 64, "resnet50": 96}
SITES = ("A1", "A2", "B6", "BH", "D8", "E2")
MPP = 0.25
# Raised whenever the files or the manifest of a toy cohort are written otherwise than before, so
# that one written by an older version is not taken for it.
WRITTEN = 2


def toy_folder(config: ToyConfig, root: Path) -> Path:
    """Where a toy cohort of this configuration lies: its name changes with every option."""
    options = json.dumps({"written": WRITTEN, **dataclasses.asdict(config)}, sort_keys=True)
    return root / f"toy-{config.patients}-{hashlib.sha256(options.encode()).hexdigest()[:8]}"


def build_toy(config: ToyConfig, root: Path) -> Path:
    """Writes the cohort, or finds it written before.

    Args:
        config: What to generate.
        root: Folder that holds toy cohorts.

    Returns:
        Path of the manifest, cohort.yaml. Beside it lies truth.csv, which no command reads, and
        oracle.json with the best C-index that any model of these modalities can expect.
    """
    folder = toy_folder(config, root)
    if (folder / "cohort.yaml").is_file():
        return folder / "cohort.yaml"
    root.mkdir(parents=True, exist_ok=True)
    # A folder of its own: two processes may build the same cohort, and the first to finish wins.
    aside = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=root))
    try:
        _write_cohort(aside, config)
        with contextlib.suppress(OSError):
            aside.rename(folder)
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    return folder / "cohort.yaml"


def _write_cohort(folder: Path, config: ToyConfig) -> None:
    truth = simulate(config)
    names = [f"TOY-{i:04d}" for i in range(config.patients)]
    lacking = _lacking(config)
    _write_tables(folder, config, truth, names, lacking["genes"])
    _write_features(folder, config, truth, names, lacking["image"])
    _write_truth(folder, truth, names)
    _write_manifest(folder)


def oracle_c_index(truth: Truth) -> dict[str, float]:
    """C-index of the true log hazard, and of the best predictor that sees one modality alone.

    Knowing one modality only, the best predictor is the conditional expectation of the log hazard,
    which is that modality's own term: the interaction averages to zero.
    """
    from lifelines.utils import concordance_index

    terms = {
        "oracle": truth.log_hazard,
        "image": truth.image_term,
        "genes": truth.gene_term,
        "clinical": truth.clinical_term,
        "without_interaction": truth.image_term + truth.gene_term + truth.clinical_term,
    }
    return {
        name: round(float(concordance_index(truth.time_days, -term, truth.event)), 4)
        for name, term in terms.items()
    }


def _lacking(config: ToyConfig) -> dict[str, set[int]]:
    rng = np.random.default_rng([config.seed, 7])
    count = round(config.lacking * config.patients)
    return {
        name: set(rng.choice(config.patients, count, replace=False).tolist())
        for name in ("image", "genes")
    }


def _write_tables(
    folder: Path, config: ToyConfig, truth: Truth, names: list[str], no_genes: set[int]
) -> None:
    rng = np.random.default_rng([config.seed, 8])
    clinical = pd.DataFrame(
        {
            "patient_id": names,
            "site": rng.choice(SITES, config.patients),
            "subtype": luminal_subtype(config, truth),
            "os_days": truth.time_days.astype(int),
            "os_event": truth.event.astype(int),
            "age": truth.age_years,
            "grade": truth.grade.astype(int),
            "size_mm": truth.size_mm,
            "nodes": truth.nodes.astype(int),
        }
    )
    clinical.to_csv(folder / "clinical.csv", index=False, lineterminator="\n")
    matrix = pd.DataFrame(
        np.round(expression(config, truth).T, 4),
        index=pd.Index(PAM50, name="sample"),
        columns=[f"{name}-01" for name in names],
    )
    measured = [c for i, c in enumerate(matrix.columns) if i not in no_genes]
    matrix[measured].to_csv(folder / "expression.tsv", sep="\t", lineterminator="\n")


def _write_features(
    folder: Path, config: ToyConfig, truth: Truth, names: list[str], no_image: set[int]
) -> None:
    rows: list[tuple[str, str]] = []
    for encoder, width in ENCODER_WIDTHS.items():
        home = folder / "features" / encoder
        home.mkdir(parents=True)
        for index, slides in enumerate(patient_slides(config, truth, encoder, width)):
            if index in no_image:
                continue
            for number, slide in enumerate(slides, start=1):
                stem = f"{names[index]}-DX{number}"
                write_bag(
                    home / f"{stem}.h5",
                    slide.features.astype(np.float32),
                    slide.coords.astype(np.int64),
                    {"encoder": f"toy-{encoder}", "mpp": MPP, "patch_px": PATCH_PX},
                )
                rows.append((names[index], stem))
    slides_table = pd.DataFrame(list(dict.fromkeys(rows)), columns=["patient_id", "slide_id"])
    slides_table.to_csv(folder / "slides.csv", index=False, lineterminator="\n")


def _write_truth(folder: Path, truth: Truth, names: list[str]) -> None:
    table = pd.DataFrame({"patient_id": names, **dataclasses.asdict(truth)})
    table.to_csv(folder / "truth.csv", index=False, lineterminator="\n")
    (folder / "oracle.json").write_text(
        json.dumps({"c_index": oracle_c_index(truth)}, indent=2) + "\n", encoding="utf-8"
    )


def _write_manifest(folder: Path) -> None:
    manifest = {
        "name": "toy",
        "patients": {"path": "clinical.csv", "id": "patient_id"},
        "site": "site",
        "subtype": "subtype",
        "endpoints": {
            "OS": {
                "time": "os_days",
                "unit": "days",
                "event": "os_event",
                "codes": {1: True, 0: False},
            }
        },
        "endpoint": "OS",
        "covariates": {
            "age": {"column": "age", "kind": "numeric", "unit": "years"},
            "grade": {"column": "grade", "kind": "ordinal", "levels": [1, 2, 3]},
            "size": {"column": "size_mm", "kind": "numeric", "unit": "mm", "log": True},
            "nodes": {"column": "nodes", "kind": "numeric", "unit": "count", "log": True},
        },
        "genes": {
            "path": "expression.tsv",
            "format": "xena",
            "scale": "log2_rsem",
            "set": "pam50",
            "sample_suffix": "-01",
        },
        "features": {
            encoder: {
                "format": "bags",
                "path": f"features/{encoder}",
                "width": width,
                "slides": {"path": "slides.csv", "patient": "patient_id", "slide": "slide_id"},
            }
            for encoder, width in ENCODER_WIDTHS.items()
        },
        "encoder": "maxvit",
    }
    (folder / "cohort.yaml").write_text(
        "# A simulated cohort; its true hazard is in truth.csv, its best C-index in oracle.json.\n"
        + yaml.safe_dump(manifest, sort_keys=False),
        encoding="utf-8",
    )

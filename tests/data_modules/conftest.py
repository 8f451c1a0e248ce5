"""A cohort of twenty patients, written as users write them, for each test to break."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from data_modules.cohort import Cohort, load_cohort
from data_modules.features import write_bag
from data_modules.manifest import load_manifest

PATIENTS = tuple(f"P{i:02d}" for i in range(20))
GENES = ("ESR1", "MKI67", "PGR")

MANIFEST = {
    "name": "small",
    "patients": {"path": "clinical.csv", "id": "patient_id"},
    "subtype": "subtype",
    "endpoints": {
        "OS": {"time": "months", "unit": "months", "event": "dead", "codes": {1: True, 0: False}}
    },
    "covariates": {
        "age": {"column": "age", "kind": "numeric", "unit": "years"},
        "grade": {"column": "grade", "kind": "ordinal", "levels": [1, 2, 3]},
        "side": {"column": "side", "kind": "categorical", "levels": ["left", "right"]},
    },
    "genes": {
        "path": "genes.tsv",
        "format": "xena",
        "scale": "log2_rsem",
        "set": "genes.txt",
        "sample_suffix": "-01",
    },
    "features": {
        "enc": {"format": "bags", "path": "enc", "width": 4},
        "hif": {"format": "table", "path": "hif.csv", "id": "patient", "drop": ["note"]},
    },
}


def _write_tables(folder: Path) -> None:
    clinical = ["patient_id,subtype,months,dead,age,grade,side"]
    features = ["patient,note,a,b"]
    for i, patient in enumerate(PATIENTS):
        subtype = "LumA" if i % 2 else "LumB"
        age = "NA" if i == 3 else str(40 + i)
        side = "left" if i % 3 else "right"
        dead = int(i % 4 in (1, 2))
        clinical.append(f"{patient},{subtype},{3 + i},{dead},{age},{i % 3 + 1},{side}")
        features.append(f"{patient},x,{i},{i * i % 7}")
    (folder / "clinical.csv").write_text("\n".join(clinical) + "\n")
    (folder / "hif.csv").write_text("\n".join(features) + "\n")
    (folder / "genes.txt").write_text("ESR1\nPGR\nMKI67\n")
    values = np.random.default_rng(0).uniform(2, 12, (len(GENES), len(PATIENTS)))
    matrix = ["\t".join(["sample", *(f"{patient}-01" for patient in PATIENTS)])]
    matrix += [
        "\t".join([gene, *(f"{value:.4f}" for value in row)])
        for gene, row in zip(GENES, values, strict=True)
    ]
    (folder / "genes.tsv").write_text("\n".join(matrix) + "\n")


def _write_slides(folder: Path) -> None:
    """Everybody has one slide of three or four patches; P00 has a second one."""
    random = np.random.default_rng(1)
    slides = [(f"{patient}-DX1", 3 + i % 2, 0) for i, patient in enumerate(PATIENTS)]
    for name, n, start in [*slides, ("P00-DX2", 3, 1000)]:
        features = random.normal(size=(n, 4)).astype(np.float32)
        coords = start + np.arange(2 * n).reshape(n, 2)
        write_bag(folder / "enc" / f"{name}.h5", features, coords, {"mpp": 0.25})


@pytest.fixture
def folder(tmp_path) -> Path:
    """Where the small cohort lies: tables, matrix, slides; the manifest comes with `load`."""
    home = tmp_path / "cohort"
    (home / "enc").mkdir(parents=True)
    _write_tables(home)
    _write_slides(home)
    return home


@pytest.fixture
def write(folder) -> Callable[..., Path]:
    """`write(key=value)`: the manifest with these keys replaced."""

    def write_manifest(**replaced: Any) -> Path:
        path = folder / "cohort.yaml"
        path.write_text(yaml.safe_dump({**MANIFEST, **replaced}, sort_keys=False))
        return path

    return write_manifest


@pytest.fixture
def load(write) -> Callable[..., Cohort]:
    """`load(key=value)`: the cohort; endpoint, encoder and modalities are the run's request."""

    def load_small(**keys: Any) -> Cohort:
        request = {k: keys.pop(k) for k in ("endpoint", "encoder", "modalities") if k in keys}
        return load_cohort(load_manifest(write(**keys)), **request)

    return load_small


@pytest.fixture
def edit(folder) -> Callable[[str, str, str], None]:
    """`edit(file, old, new)`: replaces the first place, which must be there."""

    def replace(name: str, old: str, new: str) -> None:
        text = (folder / name).read_text()
        assert old in text
        (folder / name).write_text(text.replace(old, new, 1))

    return replace

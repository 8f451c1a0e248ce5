"""The manifest, cohort.yaml: a cohort described where it lies. docs/cohorts.md has the keys."""

from __future__ import annotations

import os
from collections.abc import Hashable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import yaml

from data_modules.gene_table import GeneTable, SubtypeCall
from data_modules.manifest_rules import MPP_RANGE as MPP_RANGE
from data_modules.manifest_rules import OF as OF
from data_modules.manifest_rules import check_rules
from data_modules.manifest_rules import code as code
from data_modules.problems import BadInput, Problem, Problems
from data_modules.schema import build

FormatName = Literal[
    "table", "cbioportal", "cbioportal_download", "gdc", "tcga_cdr", "xena_clinical",
    "xena_survival",
]  # fmt: skip
ReadingName = Literal[
    "text", "number", "grade", "nottingham", "score", "t_stage", "n_stage", "m_stage",
    "ajcc_stage", "receptor", "her2_ihc", "pam50",
]  # fmt: skip
UnitName = Literal["", "days", "months", "years", "mm", "cm"]


@dataclass(frozen=True)
class PatientTable:
    """A table of patients, in one of the formats of `data_modules.sources`.

    The identifier need not be named where the format has a column of its own for it.
    """

    path: str
    id: str = ""
    format: FormatName = "table"


@dataclass(frozen=True)
class Derived:
    """A column made of others: read as clinicians mean it, from one column or several.

    Attributes:
        columns: Of the patient table, or `table::column` of another one; the first that is known
            counts, but for `nottingham`, which adds up three scores.
        read: What the words mean: a key of `data_modules.vocabulary.READINGS`.
        unit: Of numbers in the tables.
        units: Of the columns where it is another one.
        to: Unit wanted.
        tolerance: By how much two numbers may differ without being a conflict, in the unit wanted.
        conflicts: What is done where two columns tell different things of a patient.
    """

    columns: tuple[str, ...]
    read: ReadingName = "text"
    unit: UnitName = ""
    units: dict[str, UnitName] = field(default_factory=dict)
    to: UnitName = ""
    tolerance: float = 0.0
    conflicts: Literal["refuse", "first", "missing"] = "refuse"


@dataclass(frozen=True)
class Endpoint:
    """A time and an event, with the unit of the one and the codes of the other."""

    time: str
    unit: Literal["days", "months", "years"]
    event: str
    codes: dict[str, bool]


@dataclass(frozen=True)
class Inclusion:
    """One rule; patients who do not meet it are left out and counted.

    With a column, one of `values`, `above`, or `missing: drop`; or `has`, modalities that a patient
    must have; or `endpoint: usable`, a known event and a time above 0 of the endpoint of the run.
    """

    column: str = ""
    values: tuple[str, ...] = ()
    above: float | None = None
    missing: Literal["", "drop"] = ""
    has: tuple[Literal["image", "genes"], ...] = ()
    endpoint: Literal["", "usable"] = ""

    def describe(self) -> str:
        """The rule in words."""
        if self.endpoint:
            return "with a usable endpoint"
        if self.has:
            return f"with {' and '.join(self.has)}"
        if self.values:
            return f"{self.column} is {' or '.join(self.values)}"
        if self.above is not None:
            return f"{self.column} above {self.above:g}"
        return f"{self.column} known"


@dataclass(frozen=True)
class Covariate:
    """A clinical variable and what kind of number it is.

    Missing values are filled with what training shows; `missing` says whether being often missing
    is a column of its own.
    """

    column: str
    kind: Literal["numeric", "ordinal", "categorical"]
    unit: str = ""
    levels: tuple[str, ...] = ()
    log: bool = False
    missing: Literal["indicator", "fill"] = "indicator"


@dataclass(frozen=True)
class SlideTable:
    """Which slide belongs to which patient."""

    path: str
    patient: str
    slide: str
    mpp: str = ""


@dataclass(frozen=True)
class FeatureSource:
    """Features of one encoder: a folder of bags, or a table of slide-level features."""

    format: Literal["bags", "table"]
    path: str
    width: int = 0
    slides: SlideTable | None = None
    coords: Literal["", "level0", "ignore"] = ""
    coords_mpp: float = 0.0
    mpp: float = 0.0
    encoders: tuple[str, ...] = ()
    id: str = ""
    drop: tuple[str, ...] = ()


@dataclass(frozen=True)
class Manifest:
    """A cohort, described.

    Attributes:
        file: The manifest itself; its paths are relative to it.
    """

    name: str
    patients: PatientTable
    endpoints: dict[str, Endpoint]
    endpoint: str = ""
    tables: dict[str, PatientTable] = field(default_factory=dict)
    derive: dict[str, Derived] = field(default_factory=dict)
    site: str = ""
    subtype: str = ""
    call_subtype: SubtypeCall | None = None
    include: tuple[Inclusion, ...] = ()
    covariates: dict[str, Covariate] = field(default_factory=dict)
    genes: GeneTable | None = None
    features: dict[str, FeatureSource] = field(default_factory=dict)
    encoder: str = ""
    file: Path = Path()

    def resolve(self, path: str) -> Path:
        """A path of the manifest, from where the manifest lies."""
        return Path(os.path.normpath(self.file.parent / path))


class _OnceLoader(yaml.SafeLoader):
    """Plain YAML; a key that stands twice is an error rather than the last one winning."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen: list[Any] = []
        for key, _ in node.value:
            if key.tag == "tag:yaml.org,2002:merge":  # << hands keys on that may be overridden
                continue
            name = self.construct_object(key, deep=True)
            if name in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"the key {name!r} stands twice", key.start_mark
                )
            seen.append(name)
        return super().construct_mapping(node, deep)


def load_manifest(path: Path) -> Manifest:
    """Reads and checks a manifest; opens none of the files that it names.

    Raises:
        BadInput: The file is missing or not YAML, or keys are unknown, missing or of the wrong
            kind; all of them in one report.
    """
    try:
        content = yaml.load(path.read_text(encoding="utf-8"), Loader=_OnceLoader)
    except FileNotFoundError:
        raise BadInput(
            [Problem(str(path), None, None, "the manifest does not exist; see --cohort")]
        ) from None
    except (yaml.YAMLError, UnicodeDecodeError, OSError) as error:
        raise BadInput(
            [Problem(str(path), None, None, f"cannot be read as YAML: {error}")]
        ) from error
    problems = Problems()
    if not isinstance(content, dict):
        problems.add(path, f"a manifest is a mapping of keys, found {type(content).__name__}")
        problems.raise_if_any()
    manifest = build(Manifest, content, str(path), "", problems, skip=("file",))
    problems.raise_if_any()
    check_rules(manifest, path, problems)
    problems.raise_if_any()
    return Manifest(**{**vars(manifest), "file": path})

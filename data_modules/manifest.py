"""The manifest, cohort.yaml: a cohort described where it lies. docs/cohorts.md has the keys."""

from __future__ import annotations

import os
from collections.abc import Hashable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import yaml

from data_modules.problems import BadInput, Problem, Problems
from data_modules.schema import build

# Names that the cohort's table uses itself.
TAKEN = ("patient_id", "time_days", "event", "site", "subtype")


@dataclass(frozen=True)
class PatientTable:
    """The table with one row a patient."""

    path: str
    id: str


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
    must have.
    """

    column: str = ""
    values: tuple[str, ...] = ()
    above: float | None = None
    missing: Literal["", "drop"] = ""
    has: tuple[Literal["image", "genes"], ...] = ()

    def describe(self) -> str:
        """The rule in words."""
        if self.has:
            return f"with {' and '.join(self.has)}"
        if self.values:
            return f"{self.column} is {' or '.join(self.values)}"
        if self.above is not None:
            return f"{self.column} above {self.above:g}"
        return f"{self.column} known"


@dataclass(frozen=True)
class Covariate:
    """A clinical variable and what kind of number it is."""

    column: str
    kind: Literal["numeric", "ordinal", "categorical"]
    unit: str = ""
    levels: tuple[str, ...] = ()
    log: bool = False


@dataclass(frozen=True)
class GeneTable:
    """An expression matrix, genes in rows and samples in columns."""

    path: str
    format: Literal["xena"]
    scale: Literal["log2_rsem"]
    set: str = "pam50"
    sample_suffix: str = ""


@dataclass(frozen=True)
class SlideTable:
    """Which slide belongs to which patient."""

    path: str
    patient: str
    slide: str


@dataclass(frozen=True)
class FeatureSource:
    """Features of one encoder: a folder of .h5 bags, or a table of slide-level features."""

    format: Literal["h5", "table"]
    path: str
    width: int = 0
    slides: SlideTable | None = None
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
    site: str = ""
    subtype: str = ""
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
    _check_rules(manifest, path, problems)
    problems.raise_if_any()
    return Manifest(**{**vars(manifest), "file": path})


def code(text: str) -> str:
    """How codes and levels are compared: 1.0 and 1 are one, as spreadsheets write them.

    Example:
        >>> code("2.0") == code("2"), code("LumA")
        (True, 'LumA')
    """
    whole = text.removesuffix(".0")
    return whole if whole.removeprefix("-").isdecimal() else text


def _check_rules(manifest: Manifest, path: Path, problems: Problems) -> None:
    """What no single key can show to be wrong."""
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
        if bool(rule.column) == bool(rule.has) or (rule.column and sum(ways) != 1):
            problems.add(
                path,
                "a rule has a column with one of values, above or missing, or it has `has`",
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
        if source.format == "h5" and source.width < 1:
            problems.add(path, "h5 features need a width", column=f"features.{name}.width")
        if source.format == "table" and not source.id:
            problems.add(path, "a feature table needs id", column=f"features.{name}.id")

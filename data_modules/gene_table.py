"""Keys of a manifest that describe the expression matrix and the subtypes called from it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from data_modules.problems import Problems
from data_modules.scales import ScaleName


@dataclass(frozen=True)
class GeneTable:
    """An expression matrix.

    Attributes:
        path: The file, plain or packed with gzip.
        format: Who wrote it.
        scale: Of its values; the numbers are held against it.
        set: pam50, or a file with one symbol a line, or one gene set a line (.gmt).
        genes_in: Whether a gene is a row or a column, in a `table`.
        id: Column that names the rows of a `table`; empty for the first.
        drop: Columns of a `table` that are neither samples nor genes.
        sample_suffix: Ending that marks the samples to use, cut off to give the patient; empty for
            the primary tumours among TCGA barcodes, and everything else as it is.
        samples: What is done with two samples of a patient.
        repeated: What is done with two rows of a gene that differ.
        missing: What is done with a gene that the matrix lacks.
    """

    path: str
    format: Literal["xena", "cbioportal", "table"]
    scale: ScaleName
    set: str = "pam50"
    genes_in: Literal["rows", "columns"] = "rows"
    id: str = ""
    drop: tuple[str, ...] = ()
    sample_suffix: str = ""
    samples: Literal["refuse", "first", "mean"] = "refuse"
    repeated: Literal["refuse", "mean", "max"] = "refuse"
    missing: Literal["refuse", "mask"] = "refuse"


@dataclass(frozen=True)
class Balance:
    """Two groups of patients that weigh the same where genes are centred.

    Attributes:
        column: Of the patient table.
        values: The two values, such as Positive and Negative.
    """

    column: str
    values: tuple[str, ...]


@dataclass(frozen=True)
class SubtypeCall:
    """Intrinsic subtypes called from the expression matrix.

    Attributes:
        centroids: File of the published centroids.
        balance: Groups that weigh the same in the centre of a gene; without it every patient does.
    """

    centroids: str
    balance: Balance | None = None


def check_genes(
    genes: GeneTable | None, call: SubtypeCall | None, path: Path, problems: Problems
) -> None:
    """What no single key of the two can show to be wrong."""
    if genes is not None and genes.format != "table":
        for name, given in (
            ("genes_in", genes.genes_in != "rows"),
            ("id", bool(genes.id)),
            ("drop", bool(genes.drop)),
        ):
            if given:
                text = f"belongs to `format: table`; {genes.format} is laid out in one way"
                problems.add(path, text, column=f"genes.{name}")
    if call is not None and genes is None:
        text = "subtypes are called from genes, which the manifest lacks"
        problems.add(path, text, column="call_subtype")
    if call is not None and call.balance is not None and len(set(call.balance.values)) != 2:
        text = "names two values, such as [Positive, Negative]"
        problems.add(path, text, column="call_subtype.balance.values")

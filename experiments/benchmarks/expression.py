"""How long does a whole transcriptome take to read, and how much memory?

A matrix is generated in a temporary folder, and read once a format in a fresh process. Beside it
stands the time of reading the same file's lines and doing nothing, as what no reader can undercut.
"""

from __future__ import annotations

import json
import resource
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from data_modules.expression import read_matrix
from data_modules.gene_table import GeneTable
from data_modules.genes import PAM50
from data_modules.problems import Problems
from data_modules.sources.lines import open_lines
from experiments.benchmarks.fresh import in_fresh_process
from experiments.benchmarks.report import Report, Row

MIB = 1024**2
GOAL_SECONDS, GOAL_MIB = 30, 2048
# What is read: the file, how it is laid out, and its scale.
WAYS: dict[str, tuple[str, GeneTable]] = {
    "xena, log2_rsem": ("xena.tsv", GeneTable("", "xena", "log2_rsem")),
    "cbioportal, rsem": ("cbioportal.txt", GeneTable("", "cbioportal", "rsem")),
    "table, counts": ("counts.csv", GeneTable("", "table", "counts")),
    "table, genes in columns": (
        "columns.csv", GeneTable("", "table", "log2_rsem", genes_in="columns"),
    ),
}  # fmt: skip


@dataclass(frozen=True)
class Settings:
    """What is measured.

    Attributes:
        samples: Of the matrix.
        genes: Of the matrix, PAM50 among them.
        ways: Keys of `WAYS`.
    """

    samples: int = 10_000
    genes: int = 20_000
    ways: tuple[str, ...] = tuple(WAYS)


def measure(settings: Settings) -> Report:
    """Writes one file a way, reads it and deletes it."""
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as name:
        for way in settings.ways:
            file, _ = WAYS[way]
            path = Path(name) / file
            write_matrix(path, way, settings)
            measured = _read(path, way)
            rows.append(
                {
                    "matrix": way,
                    "file_mib": path.stat().st_size / MIB,
                    "seconds": measured["seconds"],
                    "ratio": measured["seconds"] / measured["lines"],
                    "peak_mib": measured["peak"] / MIB,
                }
            )
            path.unlink()
    return Report(
        name="expression",
        title=f"reading 50 of {settings.genes} genes of {settings.samples} samples",
        rows=rows,
        notes=[
            "ratio: seconds over those of reading the lines of the file",
            "peak: of the whole process, libraries included",
            f"goal: {GOAL_SECONDS} s and {GOAL_MIB} MiB for 10000 samples of 20000 genes",
        ],
        settings=asdict(settings),
    )


def write_matrix(path: Path, way: str, settings: Settings) -> None:
    """A matrix of the layout of a way; its values repeat a few random rows, which is quicker."""
    rng = np.random.default_rng(0)
    columns = way.endswith("columns")
    genes = [*PAM50, *(f"GENE{i}" for i in range(settings.genes - len(PAM50)))]
    samples = [f"S{i:05d}" for i in range(settings.samples)]
    across, down = (genes, samples) if columns else (samples, genes)
    logs = np.maximum(rng.normal(8, 3, (16, len(across))), 0)
    if way.endswith("log2_rsem") or columns:
        lines = [[f"{value:.4f}" for value in row] for row in logs]
    elif way.endswith("counts"):
        lines = [[f"{value:.0f}" for value in row] for row in np.exp2(logs)]
    else:
        lines = [[f"{value:.4f}" for value in row] for row in np.exp2(logs)]
    mark = "," if path.suffix == ".csv" else "\t"
    entrez = f"{mark}1" if path.suffix == ".txt" else ""
    head = ["Hugo_Symbol", "Entrez_Gene_Id"] if path.suffix == ".txt" else ["sample"]
    tails = [mark.join(line) for line in lines]
    with path.open("w", encoding="utf-8", newline="\n") as file:
        file.write(mark.join([*head, *across]) + "\n")
        for number, name in enumerate(down):
            file.write(f"{name}{entrez}{mark}{tails[number % len(tails)]}\n")


def _read(path: Path, way: str) -> dict[str, float]:
    """Seconds and bytes, measured in a fresh process.

    Raises:
        RuntimeError: The process failed.
    """
    measured: dict[str, float] = in_fresh_process(child, str(path), way)
    return measured


def child() -> None:
    """What the fresh process does: reads the lines, reads the matrix, and prints.

    Raises:
        BadInput: The generated matrix was refused.
    """
    path, way = Path(sys.argv[1]), sys.argv[2]
    begun = time.perf_counter()
    for _ in open_lines(path):
        pass
    lines = time.perf_counter() - begun
    problems = Problems()
    begun = time.perf_counter()
    read = read_matrix(path, WAYS[way][1], PAM50, problems)
    seconds = time.perf_counter() - begun
    problems.raise_if_any()
    assert read is not None
    assert read.matrix.notna().all(axis=None)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(json.dumps({"seconds": seconds, "lines": lines, "peak": peak}))

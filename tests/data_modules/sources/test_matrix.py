from __future__ import annotations

import gzip
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from data_modules.problems import Problems
from data_modules.sources.cbioportal_matrix import read_cbioportal
from data_modules.sources.expression_table import read_expression_table
from data_modules.sources.matrix import RawMatrix
from data_modules.sources.xena import read_xena

Read = Callable[..., RawMatrix | None]
READERS: dict[str, Read] = {
    "xena.tsv": read_xena,
    "cbioportal.txt": read_cbioportal,
    "rows.csv": read_expression_table,
    "columns.csv": partial(read_expression_table, genes_in="columns"),
}
GENES = ("ESR1", "NUF2")
JUNK = [b"\t", b'"', b"\n", b",", b"\xe9"]


def content(name: str, samples: list[str], values: dict[str, list[float]]) -> str:
    """A matrix as the format of a file has it."""
    mark = "," if name.endswith(".csv") else "\t"
    if name == "columns.csv":
        rows = [["id", *values]]
        rows += [[s, *(repr(v[i]) for v in values.values())] for i, s in enumerate(samples)]
    else:
        rows = [["Hugo_Symbol", *samples]]
        rows += [[gene, *map(repr, of_gene)] for gene, of_gene in values.items()]
    return "".join(mark.join(row) + "\n" for row in rows)


@pytest.mark.parametrize("name", READERS)
@given(data=st.data())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_what_was_written_is_read(tmp_path, name, data) -> None:
    samples = data.draw(st.lists(st.from_regex(r"[A-Z0-9-]{1,9}", fullmatch=True), min_size=1,
                                 max_size=4, unique=True))  # fmt: skip
    numbers = st.floats(-1e6, 1e6)
    columns = st.lists(numbers, min_size=len(samples), max_size=len(samples))
    values = {gene: data.draw(columns) for gene in ("XYZ", *GENES)}
    text = content(name, samples, values)
    encoding = data.draw(st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]))
    raw_bytes = text.replace("\n", data.draw(st.sampled_from(["\n", "\r\n"]))).encode(encoding)
    path = tmp_path / name
    path.write_bytes(gzip.compress(raw_bytes) if data.draw(st.booleans()) else raw_bytes)
    problems = Problems()
    raw = READERS[name](path, GENES, problems)
    assert problems.found == []
    assert raw is not None
    assert raw.samples == samples
    for gene in GENES:
        np.testing.assert_array_equal(raw.genes[gene][0].numbers, values[gene])


@pytest.mark.parametrize("name", READERS)
@given(data=st.data())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_damaged_file_is_read_or_refused_but_never_fails(tmp_path, name, data) -> None:
    good = content(name, ["P1", "P2"], {"XYZ": [1.0, 2.0], "ESR1": [3.0, 4.5], "NUF2": [5.0, 6.0]})
    bad = bytearray(good.encode(data.draw(st.sampled_from(["utf-8", "utf-16", "latin-1"]))))
    if data.draw(st.booleans()):
        bad = bytearray(gzip.compress(bytes(bad)))
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, max(len(bad) - 1, 0)))
        way = data.draw(st.sampled_from(["cut", "replace", "insert", "remove", "repeat"]))
        junk = data.draw(
            st.binary(max_size=3) | st.sampled_from([b"\t", b'"', b"\n", b",", b"\xe9"])
        )
        if way == "cut":
            del bad[at:]
        elif way == "repeat":
            bad[at:at] = bad[: at + 1]
        else:
            bad[at : at + len(junk) * (way != "insert")] = b"" if way == "remove" else junk
    path: Path = tmp_path / name
    path.write_bytes(bytes(bad))
    problems = Problems()
    totals = data.draw(st.sampled_from(["none", "probe", "probe_log2", "all"]))
    raw = READERS[name](path, GENES, problems, totals=totals)
    assert raw is not None or problems.found
    for problem in problems.found:
        assert problem.file == str(path)
    if raw is not None and not problems.found:
        for rows in raw.genes.values():
            assert all(len(measured.numbers) == len(raw.samples) for measured in rows)


@pytest.mark.parametrize(
    ("totals", "sums"),
    [
        ("none", [np.nan, np.nan]),
        ("probe", [6, 7]),
        ("all", [6, 7]),
        ("probe_log2", [31 + 1, 15 + 7]),
    ],
)
@pytest.mark.parametrize("quote", ["", '"'])
def test_sums_are_over_all_genes_and_no_more(tmp_path, totals, sums, quote) -> None:
    rows = ["gene P1 P2", "XYZ 5 NA", "__ambiguous 9 9", "ESR1 1 4", "B 0 3"]
    cells = ["\t".join(f"{quote}{cell}{quote}" for cell in row.split()) for row in rows]
    (tmp_path / "m.tsv").write_text("\n".join(cells))
    problems = Problems()
    raw = read_xena(tmp_path / "m.tsv", ("ESR1",), problems, totals=totals)
    assert problems.found == []
    np.testing.assert_allclose(raw.totals, sums)


def test_only_some_samples_are_probed(tmp_path) -> None:
    samples = [f"P{i}" for i in range(40)]
    (tmp_path / "m.tsv").write_text(content("xena.tsv", samples, {"A": [2.0] * 40}))
    raw = read_xena(tmp_path / "m.tsv", ("ESR1",), Problems(), totals="probe")
    assert np.isfinite(raw.totals).sum() == 32
    assert (raw.totals[:32] == 2).all()


def test_text_in_a_gene_nobody_asked_for_matters_where_it_is_counted(tmp_path) -> None:
    (tmp_path / "m.tsv").write_text("gene\tP1\nESR1\t1\nXYZ\tmany\n")
    for totals, told in (("none", []), ("all", ["'many' of sample P1 is not a finite number"])):
        problems = Problems()
        read_xena(tmp_path / "m.tsv", ("ESR1",), problems, totals=totals)
        assert [problem.message for problem in problems.found] == told

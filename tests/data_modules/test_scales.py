from __future__ import annotations

from typing import get_args

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_modules.scales import LOG2, TRANSCRIPTOME, ScaleName, check_scale, to_log2

NOTHING = np.array([np.nan])


def expression(scale: str, seed: int = 0, genes: int = 50, samples: int = 40) -> np.ndarray:
    """Values as such a scale has them: log-normal, genes of very different level."""
    rng = np.random.default_rng(seed)
    level = rng.normal({"microarray": 0.0}.get(scale, 6.0), 2.0, (genes, 1))
    logs = level + rng.normal(0, 1.2, (genes, samples))
    if scale == "microarray":
        return logs.ravel()
    linear = np.maximum(np.exp2(logs) - 1, 0)
    if scale == "counts":
        linear = np.floor(linear)
    return (np.log2(linear + 1) if scale in LOG2 else linear).ravel()


@pytest.mark.parametrize("scale", get_args(ScaleName))
@pytest.mark.parametrize("seed", range(5))
def test_numbers_of_a_scale_pass_as_that_scale(scale, seed) -> None:
    assert check_scale(expression(scale, seed), scale, NOTHING, TRANSCRIPTOME) is None


WRONG = [
    ("log2_rsem", "rsem", "cannot be log2(RSEM + 1)", "a linear scale (rsem, tpm or fpkm)"),
    ("log2_tpm", "counts", "cannot be log2(TPM + 1)", "counts (scale: counts)"),
    ("log2_fpkm", "microarray", "cannot be log2(FPKM + 1)", "(scale: microarray)"),
    ("rsem", "log2_rsem", "no value exceeds", "a logarithmic scale"),
    ("tpm", "log2_tpm", "no value exceeds", "a logarithmic scale"),
    ("fpkm", "microarray", "is negative, which fpkm cannot be", "(scale: microarray)"),
    ("counts", "rsem", "is no whole number", "a linear scale"),
    ("counts", "log2_rsem", "is no whole number", "a logarithmic scale"),
    ("microarray", "rsem", "is no log2 intensity or log ratio", "a linear scale"),
]


@pytest.mark.parametrize(("declared", "real", "told", "named"), WRONG)
def test_a_wrong_declaration_is_seen_and_named(declared, real, told, named) -> None:
    values = expression(real)
    mismatch = check_scale(values, declared, NOTHING, TRANSCRIPTOME)
    assert mismatch is not None
    assert told in mismatch.message
    assert named in mismatch.message
    if mismatch.position is not None:
        assert mismatch.message.startswith(f"{values[mismatch.position]:g} ")


def test_a_small_offset_under_the_logarithm_is_named() -> None:
    values = np.log2(np.array([0.0, 3.0, 40.0]) + 0.001)
    mismatch = check_scale(values, "log2_tpm", NOTHING, 3)
    assert "log2(x + 0.001)" in mismatch.message


@pytest.mark.parametrize(
    ("declared", "total", "looks"),
    [
        ("tpm", 3.1e5, "it looks like fpkm"),
        ("tpm", 2.1e7, "it looks like rsem"),
        ("log2_tpm", 3.1e5, "it looks like log2_fpkm"),
        ("fpkm", 1e6, "it looks like tpm"),
        ("log2_rsem", 1e6, "it looks like log2_tpm"),
    ],
)
def test_sums_over_the_transcriptome_tell_tpm(declared, total, looks) -> None:
    values, totals = expression(declared), np.array([total, total, np.nan])
    mismatch = check_scale(values, declared, totals, 20_000)
    assert mismatch.message.endswith(looks)
    assert f"{total:,.0f}" in mismatch.message
    assert check_scale(values, declared, totals, TRANSCRIPTOME - 1) is None


def test_a_panel_has_no_library() -> None:
    mismatch = check_scale(expression("counts"), "counts", np.array([5e4]), 800)
    assert "the file has 800: it takes the whole matrix" in mismatch.message


@given(st.lists(st.floats(0, 1e5), min_size=1, max_size=20))
def test_the_logarithm_can_be_undone(values) -> None:
    linear = np.array(values)
    np.testing.assert_allclose(np.exp2(to_log2(linear, "rsem")) - 1, linear, atol=1e-9, rtol=1e-9)


@given(st.integers(1, 1000), st.integers(2, 50))
def test_counts_do_not_depend_on_the_depth_of_sequencing(count, times) -> None:
    library = np.array([1e7])
    once = to_log2(np.array([float(count)]), "counts", library)
    deep = to_log2(np.array([float(count * times)]), "counts", library * times)
    np.testing.assert_allclose(once, deep, rtol=1e-12)

"""Scales of expression: what a declared one demands of the numbers, and the way to log2(x + 1)."""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np

ScaleName = Literal[
    "rsem", "log2_rsem", "tpm", "log2_tpm", "fpkm", "log2_fpkm", "counts", "microarray"
]
LOG2 = ("log2_rsem", "log2_tpm", "log2_fpkm")

# log2(x + 1) of any gene of any tumour lies below: 2^26 is more than a sample has reads, and a
# million transcripts is all of TPM.
HIGHEST = {"log2_rsem": 26.0, "log2_tpm": 20.0, "log2_fpkm": 24.0}
FORMULA = {
    "log2_rsem": "log2(RSEM + 1)",
    "log2_tpm": "log2(TPM + 1)",
    "log2_fpkm": "log2(FPKM + 1)",
}
# Log2 intensities of arrays lie below 20, and log ratios hardly leave ±15.
ARRAY = (-30.0, 26.0)
# Fewer genes are a panel; from so many on sums over all genes mean something.
TRANSCRIPTOME = 5000
MILLION = (0.7e6, 1.05e6)
# The distribution of fewer values says nothing.
ENOUGH = 100
# On a linear scale the largest value is many times the median, on a logarithmic one it is not.
LONG_TAIL = 8.0


class Mismatch(NamedTuple):
    """Numbers that are not on the declared scale.

    Attributes:
        position: Of the value that gives it away, among those handed in; None where all do.
        message: The numbers, and what they look like.
    """

    position: int | None
    message: str


def to_log2(values: np.ndarray, scale: ScaleName, library: np.ndarray | None = None) -> np.ndarray:
    """Expression on the scale that the network reads.

    Linear scales become log2(x + 1); counts first become counts per million of their sample's
    library, log2(10^6 · x / library + 1); logarithmic scales and microarrays stay.

    Args:
        values: By sample in the last axis.
        scale: Of the values.
        library: By sample, the sum of the counts of all genes; for counts.

    Example:
        >>> to_log2(np.array([0.0, 3.0]), "tpm")
        array([0., 2.])
        >>> to_log2(np.array([3.0, 30.0]), "counts", np.array([1e6, 1e7]))
        array([2., 2.])
    """
    if scale in LOG2 or scale == "microarray":
        return values
    if scale == "counts":
        assert library is not None
        values = 1e6 * values / library
    return np.log2(values + 1.0)


def looks_like(values: np.ndarray) -> str:
    """What scale finite numbers seem to have, in words.

    Example:
        >>> looks_like(np.array([-1.5, 0.3])), looks_like(np.array([0.0, 12.0, 90000.0]))
        ('microarray or median-centred values (scale: microarray)', 'counts (scale: counts)')
        >>> looks_like(np.array([5.5, 9.25]))
        'a logarithmic scale (log2_rsem, log2_tpm or log2_fpkm)'
    """
    if abs(values.min() - np.log2(0.001)) < 1e-3 and values.max() < HIGHEST["log2_rsem"]:
        return "log2(x + 0.001), as some Xena hubs have it: turn it into log2(x + 1)"
    if values.min() < ARRAY[0]:
        return "no scale of expression"
    if values.min() < 0:
        return "microarray or median-centred values (scale: microarray)"
    if values.max() <= HIGHEST["log2_rsem"]:
        return "a logarithmic scale (log2_rsem, log2_tpm or log2_fpkm)"
    if (values == np.floor(values)).all():
        return "counts (scale: counts)"
    return "a linear scale (rsem, tpm or fpkm)"


def check_scale(
    values: np.ndarray, scale: ScaleName, totals: np.ndarray, genes: int
) -> Mismatch | None:
    """Whether numbers can be on a scale.

    Args:
        values: All values of the genes asked for, finite.
        scale: As declared.
        totals: Sums over all genes of some samples, on the linear scale; NaN where not taken.
        genes: How many genes were summed.

    Example:
        >>> check_scale(np.array([4.0, 90000.0]), "log2_tpm", np.array([]), 2).message
        '90000 cannot be log2(TPM + 1), which lies between 0 and 20; the values, 4 to 90000, look\
 like counts (scale: counts)'
    """
    if len(values) == 0:
        return None
    shown = f"the values, {values.min():g} to {values.max():g}, look like {looks_like(values)}"
    if scale in LOG2:
        high, formula = HIGHEST[scale], FORMULA[scale]
        outside = (values < 0) | (values > high)
        why = f"cannot be {formula}, which lies between 0 and {high:g}"
    elif scale == "microarray":
        outside = (values < ARRAY[0]) | (values > ARRAY[1])
        why = f"is no log2 intensity or log ratio, which lie between {ARRAY[0]:g} and {ARRAY[1]:g}"
    else:
        outside = values < 0
        why = f"is negative, which {scale} cannot be"
    if outside.any():
        first = int(np.flatnonzero(outside)[0])
        return Mismatch(first, f"{values[first]:g} {why}; {shown}")
    if scale == "counts":
        return _check_counts(values, genes)
    short = len(values) >= ENOUGH and values.max() <= LONG_TAIL * np.median(values)
    if scale in {"rsem", "tpm", "fpkm"} and short and values.max() <= HIGHEST["log2_rsem"]:
        return Mismatch(
            None,
            f"no value exceeds {values.max():g} and the median is {np.median(values):g}, which on "
            f"the linear scale {scale} would be odd; {shown}",
        )
    return _check_totals(scale, totals[np.isfinite(totals)], genes)


def _check_counts(values: np.ndarray, genes: int) -> Mismatch | None:
    broken = values != np.floor(values)
    if broken.any():
        first = int(np.flatnonzero(broken)[0])
        rest = looks_like(values)
        return Mismatch(
            first,
            f"{values[first]:g} is no whole number, and so no count; {int(broken.sum())} of "
            f"{len(values)} values are not, and they look like {rest}",
        )
    if genes < TRANSCRIPTOME:
        return Mismatch(
            None,
            f"counts are divided by the sum over all genes, and the file has {genes}: it takes the "
            f"whole matrix, at least {TRANSCRIPTOME} genes",
        )
    return None


def _check_totals(scale: ScaleName, totals: np.ndarray, genes: int) -> Mismatch | None:
    """A million in every sample is what makes TPM."""
    if len(totals) == 0 or genes < TRANSCRIPTOME or scale == "microarray":
        return None
    middle = float(np.median(totals))
    found = f"the {genes} genes of a sample sum to {middle:,.0f} (median of {len(totals)} samples)"
    if scale in {"tpm", "log2_tpm"} and not MILLION[0] <= middle <= MILLION[1]:
        prefix = scale.removesuffix("tpm")
        other = "fpkm" if middle < MILLION[0] else "rsem"
        return Mismatch(None, f"{found}, and TPM to a million: it looks like {prefix}{other}")
    if scale not in {"tpm", "log2_tpm"} and np.allclose(totals, 1e6, rtol=1e-3):
        prefix = "log2_" if scale in LOG2 else ""
        return Mismatch(None, f"{found}, as only TPM does: it looks like {prefix}tpm")
    return None

"""What a laboratory would measure of the toy patients: patches, expression, subtypes."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from data_modules.genes import PAM50
from data_modules.toy_truth import (
    PROGRAMME_BASAL,
    PROGRAMME_HER2,
    PROGRAMME_P,
    PROGRAMME_Q,
    ToyConfig,
    Truth,
)

Array = np.ndarray

# Tissue of a patch: two kinds of tumour and four kinds of surroundings.
TUMOUR_A, TUMOUR_B = 0, 1
SURROUNDINGS = 4
PATCH_PX = 224
GRID_COLUMNS = 12  # of a slide, at least; more where a slide has more patches


class Slide(NamedTuple):
    """One slide of one patient, as a feature extractor would leave it."""

    features: Float[Array, "N d"]
    coords: Int[Array, "N 2"]
    kind: Int[Array, " N"]


def expression(config: ToyConfig, truth: Truth) -> Float[Array, "n G"]:
    """log2(RSEM + 1) of the PAM50 genes: programmes move theirs together, the rest is noise."""
    rng = np.random.default_rng([config.seed, 2])
    n, genes = len(truth.log_hazard), len(PAM50)
    level = rng.uniform(5.0, 12.0, genes)
    spread = rng.uniform(0.8, 2.0, genes)
    z = rng.standard_normal((n, genes))
    basal, her2 = rng.standard_normal((2, n))
    for programme, activity in (
        (PROGRAMME_P, truth.programme_p),
        (PROGRAMME_Q, truth.programme_q),
        (PROGRAMME_BASAL, basal),
        (PROGRAMME_HER2, her2),
    ):
        columns = [PAM50.index(gene) for gene in programme]
        loading = rng.uniform(0.75, 0.92, len(columns))
        z[:, columns] = activity[:, None] * loading + z[:, columns] * np.sqrt(1 - loading**2)
    values: Array = np.maximum(level + spread * z, 0.0)
    return values


def luminal_subtype(config: ToyConfig, truth: Truth) -> list[str]:
    """Luminal B where proliferation (programme Q) is high, with noise, as PAM50 calls are."""
    rng = np.random.default_rng([config.seed, 3])
    score = truth.programme_q + 0.5 * rng.standard_normal(len(truth.programme_q))
    cut = np.quantile(score, 0.6)
    return ["LumB" if s > cut else "LumA" for s in score]


def tissue_prototypes(config: ToyConfig, encoder: str, width: int) -> Float[Array, "kinds d"]:
    """Mean feature of each tissue; the two kinds of tumour are as far apart as any two tissues."""
    rng = np.random.default_rng([config.seed, 4, sum(encoder.encode())])
    prototypes: Array = rng.standard_normal((2 + SURROUNDINGS, width))
    return prototypes


def patient_slides(
    config: ToyConfig, truth: Truth, encoder: str, width: int
) -> Iterator[list[Slide]]:
    """For each patient in turn, one or two slides of patches.

    A minority of patches is tumour. Every slide has its own stain shift, every patch its own noise.
    Tissue and positions do not depend on the encoder: two encoders see the same slides.
    """
    prototypes = tissue_prototypes(config, encoder, width)
    columns = max(GRID_COLUMNS, math.isqrt(config.patches_max - 1) + 1)
    for index, share in enumerate(truth.kind_a_share):
        layout = np.random.default_rng([config.seed, 5, index])
        noise = np.random.default_rng([config.seed, 6, index, sum(encoder.encode())])
        slides = []
        for _ in range(1 + int(layout.random() < 0.15)):
            n = int(layout.integers(config.patches_min, config.patches_max + 1))
            kind = _tissue(n, share, layout)
            stain = config.stain * noise.standard_normal(width)
            grain = config.patch_noise * noise.standard_normal((n, width))
            place = layout.permutation(columns * columns)[:n]
            coords = np.stack([place % columns, place // columns], axis=1) * PATCH_PX
            slides.append(Slide(prototypes[kind] + stain + grain, coords, kind))
        yield slides


def _tissue(n: int, share: float, rng: np.random.Generator) -> Int[Array, " N"]:
    """Tissue of each patch: 25 to 45 % tumour, of it the patient's own share of kind A."""
    tumour = max(round(n * rng.uniform(0.25, 0.45)), 2)
    kind_a = round(tumour * share)
    kind = rng.integers(2, 2 + SURROUNDINGS, n)
    where = rng.permutation(n)[:tumour]
    kind[where] = TUMOUR_B
    kind[where[:kind_a]] = TUMOUR_A
    return kind

"""A toy cohort whose true hazard is known, as hard as a real one.

The log hazard of a patient is a sum of terms of unit variance times their weights:

    log h = w_x * F * P  +  w_f * F  +  w_q * Q  +  w_c * C

F: how much of the tumour is of kind A (seen only in the patches); P: activity of a gene programme,
a correlated set of PAM50 genes (seen only in the expression); Q: a second set, of proliferation
genes; C: a sum of the four clinical variables. F and P are independent with mean zero, so their
product has no correlate in either modality alone: only a model that brings patches and genes
together can see it. Times are Weibull given the log hazard, censoring is uniform and independent.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

Array = np.ndarray

# Luminal genes carry P, proliferation genes carry Q.
PROGRAMME_P = (
    "ESR1", "PGR", "BCL2", "NAT1", "FOXA1", "MLPH", "GPR160", "SLC39A6", "MAPT", "BLVRA", "CXXC5",
    "TMEM45B", "MDM2", "BAG1",
)  # fmt: skip
PROGRAMME_Q = (
    "MKI67", "CCNB1", "CDC20", "CDC6", "CENPF", "CEP55", "MELK", "MYBL2", "NDC80", "NUF2", "PTTG1",
    "RRM2", "TYMS", "UBE2C", "UBE2T", "BIRC5", "ANLN", "KIF2C", "EXO1", "ORC6",
)  # fmt: skip


# Genes that move together and tell nothing of the hazard: the basal keratins, the HER2 amplicon.
PROGRAMME_BASAL = (
    "KRT5", "KRT14", "KRT17", "EGFR", "FOXC1", "MIA", "CDH3", "SFRP1", "PHGDH",
)  # fmt: skip
PROGRAMME_HER2 = ("ERBB2", "GRB7", "FGFR4")


@dataclass(frozen=True)
class ToyConfig:
    """What the generator can vary."""

    patients: int = 400
    """Number of patients."""
    seed: int = 0
    """Seed of everything random in the cohort."""
    signal: float = 1.0
    """Factor on the whole log hazard; 0 makes a cohort without any signal."""
    interaction: float = 1.4
    """Weight w_x of the image x gene interaction."""
    image: float = 0.8
    """Weight w_f of the image term."""
    genes: float = 0.8
    """Weight w_q of the gene term."""
    clinical: float = 0.9
    """Weight w_c of the clinical term."""
    censoring: float = 0.5
    """Share of patients who are censored, about."""
    patches_min: int = 24
    """Fewest patches a slide."""
    patches_max: int = 72
    """Most patches a slide."""
    patch_noise: float = 0.2
    """Standard deviation of the noise of a patch feature; its kind has unit variance."""
    stain: float = 0.03
    """Standard deviation of the shift that all patches of a slide share."""
    lacking: float = 0.0
    """Share of patients without slides, and share without expression."""


@dataclass(frozen=True)
class Truth:
    """What the generator knows of the patients and no model is told."""

    log_hazard: Float[Array, " n"]
    kind_a_share: Float[Array, " n"]
    image_term: Float[Array, " n"]
    gene_term: Float[Array, " n"]
    clinical_term: Float[Array, " n"]
    programme_p: Float[Array, " n"]
    programme_q: Float[Array, " n"]
    age_years: Float[Array, " n"]
    grade: Float[Array, " n"]
    size_mm: Float[Array, " n"]
    nodes: Float[Array, " n"]
    time_days: Float[Array, " n"]
    event: Bool[Array, " n"]


def simulate(config: ToyConfig) -> Truth:
    """Draws latent variables, log hazards and follow-up.

    Example:
        >>> truth = simulate(ToyConfig(patients=50))
        >>> truth.time_days.min() > 0, truth.log_hazard.shape
        (np.True_, (50,))
    """
    rng = np.random.default_rng([config.seed, 1])
    n = config.patients
    share = rng.beta(1.0, 1.0, n)
    f = (share - 0.5) * np.sqrt(12.0)
    p, q = rng.standard_normal((2, n))
    age = np.clip(rng.normal(58, 13, n), 26, 90)
    grade = rng.choice([1.0, 2.0, 3.0], n, p=[0.25, 0.45, 0.3])
    size = np.clip(rng.lognormal(3.0, 0.5, n), 4, 120)
    nodes = np.minimum(rng.negative_binomial(0.5, 0.2, n), 30).astype(float)
    clinical = _unit(age) * 0.5 + _unit(grade) * 0.4 + _unit(np.log(size)) * 0.5
    clinical = _unit(clinical + _unit(np.log1p(nodes)) * 0.6)
    log_hazard = config.signal * (
        config.interaction * f * p
        + config.image * f
        + config.genes * q
        + config.clinical * clinical
    )
    time, event = _follow_up(log_hazard, config.censoring, rng)
    return Truth(
        log_hazard=log_hazard,
        kind_a_share=share,
        image_term=config.signal * config.image * f,
        gene_term=config.signal * config.genes * q,
        clinical_term=config.signal * config.clinical * clinical,
        programme_p=p,
        programme_q=q,
        age_years=np.round(age, 1),
        grade=grade,
        size_mm=np.round(size, 1),
        nodes=nodes,
        time_days=time,
        event=event,
    )


def _unit(x: Float[Array, " n"]) -> Float[Array, " n"]:
    scaled: Array = (x - x.mean()) / x.std()
    return scaled


def _follow_up(
    log_hazard: Float[Array, " n"], censoring: float, rng: np.random.Generator
) -> tuple[Float[Array, " n"], Bool[Array, " n"]]:
    """Weibull event times and uniform censoring between 1 and 16 years; whole days.

    The Weibull scale is set so that about the asked share is censored.
    """
    n = len(log_hazard)
    shape = 1.2
    unit_time = (rng.exponential(1.0, n) / np.exp(log_hazard)) ** (1 / shape)
    censor_days = rng.uniform(365.25, 16 * 365.25, n)
    scale = np.quantile(censor_days / unit_time, censoring)
    event_days = unit_time * scale
    event = event_days <= censor_days
    time = np.maximum(np.ceil(np.minimum(event_days, censor_days)), 1.0)
    return time, event

"""What the paper reports, to stand beside what is found here.

Source: Mondol, Millar, Sowmya and Meijering, MM-SurvNet: Deep learning-based survival risk
stratification in breast cancer through multimodal data fusion, 2024, arXiv:2402.11788, section 5.
249 patients of TCGA-BRCA, luminal A and B; five folds; the reported fold stops the training.
"""

from __future__ import annotations

from typing import NamedTuple

SOURCE = "Mondol et al. 2024, arXiv:2402.11788"


class Column(NamedTuple):
    """A column of the paper's table of C-indices.

    Attributes:
        folds: C-index of folds 1 to 5.
        mean: As printed.
        sd: As printed.
    """

    folds: tuple[float, float, float, float, float]
    mean: float
    sd: float


C_INDEX: dict[str, Column] = {
    "image+genes+clinical@maxvit": Column((0.70, 0.57, 0.66, 0.62, 0.70), 0.64, 0.06),
    "image+genes+clinical@resnet50": Column((0.64, 0.49, 0.62, 0.55, 0.50), 0.56, 0.06),
    "image+genes@maxvit": Column((0.72, 0.44, 0.63, 0.50, 0.57), 0.57, 0.10),
    "image+genes@resnet50": Column((0.61, 0.58, 0.65, 0.48, 0.51), 0.56, 0.06),
    "image@maxvit": Column((0.45, 0.47, 0.55, 0.60, 0.62), 0.53, 0.08),
    "image@resnet50": Column((0.47, 0.47, 0.57, 0.60, 0.65), 0.55, 0.08),
    "cox_clinical": Column((0.50, 0.24, 0.34, 0.57, 0.71), 0.47, 0.17),
}
# Integrated Brier score of the multimodal model by years.
BRIER = {5.0: 0.11, 10.0: 0.16}
BRIER_ARM = "image+genes+clinical@maxvit"


def published(arm: str) -> Column | None:
    """The paper's column of an arm, whatever the order of its words; None where there is none.

    Example:
        >>> published("genes+image@maxvit").mean
        0.57
        >>> published("genes") is None
        True
    """
    return {_key(name): column for name, column in C_INDEX.items()}.get(_key(arm))


def _key(arm: str) -> tuple[frozenset[str], str]:
    what, _, encoder = arm.partition("@")
    return frozenset(what.split("+")), encoder

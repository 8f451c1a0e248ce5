"""A bag: the features of one patient, and what every store of bags can do."""

from __future__ import annotations

from typing import NamedTuple, Protocol

import torch
from jaxtyping import Float, Int
from torch import Tensor


class Bag(NamedTuple):
    """Patches of one patient, slide after slide.

    Attributes:
        features: In the precision of the file.
        coords: Upper left corner in level-0 px of the patch's slide; 0 for slide-level features.
        slide: Which of the patient's slides.
    """

    features: Float[Tensor, "N d"]
    coords: Int[Tensor, "N 2"]
    slide: Int[Tensor, " N"]


class FeatureStore(Protocol):
    """Bags by patient."""

    width: int
    standardise: bool
    """Whether the features need standardisation: raw measurements do, embeddings do not."""

    def patients(self) -> frozenset[str]:
        """Patients who have a bag."""

    def read(self, patient_id: str) -> Bag:
        """The bag of one of `patients()`."""

    def fingerprint(self) -> str:
        """What changes when the features change."""

    def nbytes(self) -> int:
        """Bytes of all bags."""


def empty_bag(width: int) -> Bag:
    """The bag of a patient without an image.

    Example:
        >>> empty_bag(4).features.shape
        torch.Size([0, 4])
    """
    return Bag(
        torch.zeros(0, width),
        torch.zeros(0, 2, dtype=torch.int64),
        torch.zeros(0, dtype=torch.int64),
    )

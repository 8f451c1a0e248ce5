"""What a fusion is given and what it returns."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import NamedTuple

from jaxtyping import Float
from torch import Tensor, nn

from mmsurv.batch import Ragged
from mmsurv.models.attention import Trace


class Reduce(NamedTuple):
    """How tokens become one vector a patient, by modality; shared by every fusion.

    Attributes:
        image: Image tokens to (B, d).
        genes: Gene tokens to (B, d).
    """

    image: Callable[[Ragged, Trace | None], Tensor]
    genes: Callable[[Ragged, Trace | None], Tensor]


class Fusion(nn.Module, ABC):
    """Image tokens and gene tokens of B patients become one vector a patient.

    Args:
        width: d of the tokens.
        heads: Attention heads.
        dropout: Dropout inside the fusion.

    Attributes:
        out_width: Width of the vector.
    """

    out_width: int

    def __init__(self, width: int, heads: int, dropout: float) -> None:
        super().__init__()

    @abstractmethod
    def forward(
        self, image: Ragged, genes: Ragged, reduce: Reduce, trace: Trace | None = None
    ) -> Float[Tensor, "B out"]:
        """Fuses; a modality without tokens of a patient contributes its learned absence."""

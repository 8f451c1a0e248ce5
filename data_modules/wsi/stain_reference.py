"""What stain normalisation is held against: tiatoolbox's Macenko."""

from __future__ import annotations

import warnings
from collections.abc import Callable

import numpy as np
from jaxtyping import UInt8

Array = np.ndarray


def tiatoolbox_macenko(
    target: UInt8[Array, "m 3"],
) -> Callable[[UInt8[Array, "h w 3"]], UInt8[Array, "h w 3"]]:
    """A call that gives an image the target's colours, fitted on that image alone.

    Args:
        target: Pixels of tissue.
    """
    with warnings.catch_warnings():
        # Of its own dependencies, which are not used here.
        warnings.simplefilter("ignore")
        from tiatoolbox.tools.stainnorm import MacenkoNormalizer

    normaliser = MacenkoNormalizer()
    # It writes into what it reads: both are copies.
    normaliser.fit(target[:, None].copy())

    def transform(image: UInt8[Array, "h w 3"]) -> UInt8[Array, "h w 3"]:
        coloured: Array = normaliser.transform(image.copy())
        return coloured

    return transform

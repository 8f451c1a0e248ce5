"""Order instead of size: exact arithmetic with a library that computes in float32.

All metrics of this folder depend on times and risks only through their order. torchsurv casts both
to float32, where unlike values can meet, and takes risks within 1e-8 for equal. Dense ranks are
small integers, which float32 holds exactly, so no value is too large, too small or too close.
"""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

Array = np.ndarray


def joint_ranks(*columns: Float[Array, " _"]) -> tuple[Float[Tensor, " _"], ...]:
    """Dense ranks of all columns together, 1 for the lowest value; equal values share a rank.

    Args:
        columns: Finite numbers that are compared with one another.

    Returns:
        float32 tensors, one a column.

    Example:
        >>> joint_ranks(np.array([10.0, 30.0]), np.array([20.0, 10.0]))
        (tensor([1., 3.]), tensor([2., 1.]))
    """
    joined = np.concatenate([column.astype(np.float64) for column in columns])
    _, index = np.unique(joined, return_inverse=True)
    ends = np.cumsum([len(column) for column in columns])[:-1]
    return tuple(torch.from_numpy(part + 1).to(torch.float32) for part in np.split(index, ends))

"""The censoring distribution of the training patients, and how far it reaches."""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torchsurv.stats.ipcw import get_ipcw

from mmsurv.metrics.functional.value import Array


def ipcw(
    *,
    train_event: Bool[Array, " m"],
    train_time: Float[Array, " m"],
    at: Float[Array, " n"],
) -> Float[Tensor, " n"]:
    r"""Inverse probability of censoring weights 1 / G(t).

    G is the Kaplan-Meier estimate of being uncensored, from training patients only; at equal times
    events leave the risk set before the censored.

    Args:
        train_event: True = it happened; at least one.
        train_time: Times of the training patients.
        at: Times at which the weights are wanted, below `legal_end`: where G is 0 torchsurv answers
            0 instead of an error.

    Source: Graf et al., Assessment and comparison of prognostic classification schemes, 1999,
    doi:10.1002/(SICI)1097-0258(19990915/30)18:17/18<2529::AID-SIM274>3.0.CO;2-5.

    Example:
        >>> ipcw(train_event=np.array([True, False, True]), train_time=np.array([1.0, 2.0, 3.0]),
        ...      at=np.array([1.5, 2.5])).tolist()
        [1.0, 2.0]
    """
    # One precision for both, or torchsurv looks up the wrong step (it compares floats for equality).
    weights: Tensor = get_ipcw(
        torch.from_numpy(np.asarray(train_event, dtype=bool)),
        torch.from_numpy(np.asarray(train_time, dtype=np.float32)),
        torch.from_numpy(np.asarray(at, dtype=np.float32)),
    )
    return weights


def legal_end(
    *,
    train_event: Bool[Array, " m"],
    train_time: Float[Array, " m"],
    test_time: Float[Array, " n"],
) -> float:
    """The first time at which a weighted score can no longer be estimated.

    Beyond the training follow-up the censoring distribution is unknown (G = 0 from the last time on if
    it is censored); beyond the test follow-up nobody is left to be right about. Scores are defined at
    times strictly below the returned one.

    Example:
        >>> legal_end(train_event=np.array([True, True]), train_time=np.array([5.0, 9.0]),
        ...           test_time=np.array([2.0, 7.0]))
        7.0
    """
    return float(min(np.max(train_time), np.max(test_time)))


def why_beyond(
    at_days: float,
    *,
    train_event: Bool[Array, " m"],
    train_time: Float[Array, " m"],
    test_time: Float[Array, " n"],
) -> str:
    """Empty where a score at `at_days` can be estimated, else the reason why not.

    Example:
        >>> why_beyond(8.0, train_event=np.array([True, True]), train_time=np.array([5.0, 9.0]),
        ...            test_time=np.array([2.0, 7.0]))
        'day 8 is not below the end of follow-up, day 7'
    """
    if len(test_time) == 0 or len(train_time) == 0:
        return "no patient"
    if not np.any(train_event):
        return "no event among the training patients"
    end = legal_end(train_event=train_event, train_time=train_time, test_time=test_time)
    if at_days >= end:
        return f"day {at_days:g} is not below the end of follow-up, day {end:g}"
    return ""

"""Choosing a penalty within the training patients, by cross-validated partial likelihood."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from jaxtyping import Bool, Float, Int

from experiments.baselines.model import NotFittedError, Sample
from mmsurv.losses import cox_neg_log_likelihood

Array = np.ndarray

INNER_FOLDS = 5
FEWEST_EVENTS = 4


def inner_folds(sample: Sample) -> Int[Array, " n"]:
    """An inner fold for every training patient, events dealt evenly; a function of the seed.

    Raises:
        NotFittedError: Too few events to tell penalties apart.

    Example:
        >>> event = np.array([True] * 4 + [False] * 4)
        >>> folds = inner_folds(Sample(np.zeros((8, 1)), event, np.ones(8), seed=0))
        >>> sorted(folds[event].tolist()), sorted(folds[~event].tolist())
        ([0, 0, 1, 1], [0, 0, 1, 1])
    """
    events = int(sample.event.sum())
    if events < FEWEST_EVENTS:
        raise NotFittedError(
            f"{events} events in training; choosing a penalty needs {FEWEST_EVENTS}"
        )
    rng = np.random.default_rng([sample.seed, 17])
    number = min(INNER_FOLDS, events // 2)
    fold = np.zeros(len(sample.event), dtype=np.int64)
    for group in (sample.event, ~sample.event):
        members = rng.permutation(np.flatnonzero(group))
        fold[members] = np.arange(len(members)) % number
    return fold


def cross_validated_likelihood(
    sample: Sample, path: Callable[[Sample], Float[Array, "p L"]]
) -> Float[Array, " L"]:
    r"""How well each of L penalties predicts patients who did not fit it; more is better.

    .. math:: \sum_k \ell(\hat w_{-k}) - \ell_{-k}(\hat w_{-k})

    with the log partial likelihood of all patients less that of those outside inner fold k: what
    the patients of the fold add, in risk sets that everybody is part of.

    Args:
        sample: The training patients.
        path: Fits all penalties on some of them; one column of weights each.

    Source: Verweij and van Houwelingen, Cross-validation in survival analysis, 1993,
    doi:10.1002/sim.4780122407.
    """
    folds = inner_folds(sample)
    total: Array | None = None
    for k in range(int(folds.max()) + 1):
        inside = sample.part(folds != k)
        weights = path(inside)
        added = np.array(
            [
                log_likelihood(sample.x @ w, sample.event, sample.time)
                - log_likelihood(inside.x @ w, inside.event, inside.time)
                for w in weights.T
            ]
        )
        # A library may end its path early: only penalties that every inner fold reached count.
        total = added if total is None else total[: len(added)] + added[: len(total)]
    assert total is not None
    return total


def log_likelihood(
    log_hazard: Float[Array, " n"], event: Bool[Array, " n"], time: Float[Array, " n"]
) -> float:
    """Breslow's log partial likelihood.

    Example:
        >>> event, time = np.array([True, False, False]), np.array([1.0, 2.0, 3.0])
        >>> round(log_likelihood(np.zeros(3), event, time), 4)
        -1.0986
    """
    mean = cox_neg_log_likelihood(
        log_hazard=torch.tensor(log_hazard),
        event=torch.tensor(event),
        time=torch.tensor(time),
        ties="breslow",
    )
    return -float(mean) * int(event.sum())

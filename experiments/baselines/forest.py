"""Random survival forest."""

from __future__ import annotations

import warnings

import numpy as np
from jaxtyping import Float

from experiments.baselines.model import NotFittedError, Predicted, Sample

Array = np.ndarray

TREES = 100
LEAF = 15


def fit(sample: Sample, held_out: Float[Array, "m p"]) -> Predicted:
    """Log of the mortality (expected events) that 100 trees foresee.

    A tree knows the patients that it grew on; training patients are therefore predicted by the
    trees that did not see them, so that baseline hazard and cut fit unseen patients.

    Raises:
        NotFittedError: Too few patients for a single split, or one whom every tree saw.

    Source: Ishwaran et al., Random survival forests, 2008, doi:10.1214/08-AOAS169.
    """
    from sksurv.ensemble import RandomSurvivalForest
    from sksurv.util import Surv

    if len(sample.event) < 2 * LEAF:
        raise NotFittedError(f"{len(sample.event)} patients in training: a split needs {2 * LEAF}")
    forest = RandomSurvivalForest(
        n_estimators=TREES,
        min_samples_leaf=LEAF,
        max_features="sqrt",
        oob_score=True,
        low_memory=True,
        random_state=sample.seed % 2**32,
    )
    with warnings.catch_warnings():
        warnings.filterwarnings("error", "Some inputs do not have OOB scores")
        try:
            forest.fit(sample.x, Surv.from_arrays(sample.event, _event_number(sample)))
        except (UserWarning, ValueError) as error:
            raise NotFittedError(f"random survival forest: {error}") from error
    return Predicted(_log(forest.oob_prediction_), _log(forest.predict(held_out)), {})


def _event_number(sample: Sample) -> Float[Array, " n"]:
    """Time as one more than the number of event times up to it: the same risk sets and trees.

    A tree goes through every distinct time at every split, and most times are those of censored
    patients, at which nothing happens.

    Example:
        >>> event, time = np.array([False, True, False, True]), np.array([5.0, 10.0, 12.0, 20.0])
        >>> _event_number(Sample(np.zeros((4, 1)), event, time, seed=0)).tolist()
        [1.0, 2.0, 2.0, 3.0]
    """
    of_events = np.unique(sample.time[sample.event])
    return 1.0 + np.searchsorted(of_events, sample.time, side="right")


def _log(mortality: Float[Array, " n"]) -> Float[Array, " n"]:
    logged: Array = np.log(np.maximum(mortality, np.finfo(float).tiny))
    return logged

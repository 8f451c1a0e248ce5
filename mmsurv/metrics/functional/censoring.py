"""The censoring distribution of the training patients, and how far it reaches."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float

from mmsurv.checks import check_finite, check_follow_up

Array = np.ndarray


def ipcw(
    *, train_event: Bool[Array, " m"], train_time: Float[Array, " m"], at: Float[Array, " n"]
) -> Float[Array, " n"]:
    r"""Inverse probability of censoring weights 1 / G(t).

    G is the Kaplan-Meier estimate of being uncensored, in which events leave the risk set before
    the censored of the same time:

    .. math:: G(t) = \prod_{t_k \le t} \Big( 1 - \frac{c_k}{n_k - d_k} \Big)

    Args:
        train_event: Of the training patients, at least one True.
        train_time: In the unit of `at`.
        at: Times.

    Returns:
        One weight a time; 0 where G is 0. Below `legal_end` it never is.

    Raises:
        ValueError: Input that is not usable, or no training event.

    Source: Uno et al., Evaluating prediction rules for t-year survivors with censored regression
    models, 2007, doi:10.1198/016214507000000149.

    Example:
        >>> ipcw(train_event=np.array([True, False, True]), train_time=np.array([1.0, 2.0, 3.0]),
        ...      at=np.array([1.0, 2.0])).tolist()
        [1.0, 2.0]
    """
    check_follow_up(event=train_event, time=train_time, of="training")
    check_finite("at", at, len(at))
    if not train_event.any():
        raise ValueError("censoring weights need at least one event among the training patients")
    # torchsurv.get_ipcw gives the same weights, but walks over the times in Python: every epoch of
    # every fold would pay for it.
    distinct, where = np.unique(train_time, return_inverse=True)
    events = np.bincount(where, weights=train_event)
    leaving = np.bincount(where)
    at_risk = leaving[::-1].cumsum()[::-1]
    # Where all still at risk have the event, nobody is left to be censored: the factor is 1.
    factor = 1 - (leaving - events) / np.maximum(at_risk - events, 1)
    uncensored = np.concatenate([[1.0], np.cumprod(factor)])
    at_step = uncensored[np.searchsorted(distinct, at, side="right")]
    weights: Array = np.divide(1.0, at_step, out=np.zeros(len(at)), where=at_step > 1e-12)
    return weights


def legal_end(*, train_time: Float[Array, " m"], test_time: Float[Array, " n"]) -> float:
    """The time below which weighted metrics exist.

    From the last training time on nothing is known of G; from the last scored time on there is no
    patient left who could be a control.

    Args:
        train_time: Times of the training patients.
        test_time: Times of the patients who are scored, in the same unit.

    Example:
        >>> legal_end(train_time=np.array([1.0, 9.0]), test_time=np.array([4.0, 7.0]))
        7.0
    """
    return float(min(train_time.max(), test_time.max()))


def why_illegal(at: float, *, train_time: Float[Array, " m"], test_time: Float[Array, " n"]) -> str:
    """The reason why a weighted metric does not exist at a time; empty where it does.

    Example:
        >>> why_illegal(8.0, train_time=np.array([9.0]), test_time=np.array([7.0]))
        'time 8 is not below 7, where the follow-up of the scored patients ends'
    """
    end = legal_end(train_time=train_time, test_time=test_time)
    if at < end:
        return ""
    who = "scored" if test_time.max() <= train_time.max() else "training"
    return f"time {at:g} is not below {end:g}, where the follow-up of the {who} patients ends"


def legal_times(
    at: Float[Array, " T"], *, train_time: Float[Array, " m"], test_time: Float[Array, " n"]
) -> Float[Array, " t"]:
    """The part of a time grid on which weighted metrics exist; what a Brier curve is printed with.

    Args:
        at: The grid.
        train_time: Times of the training patients, in the same unit.
        test_time: Times of the patients who are scored, in the same unit.

    Example:
        >>> legal_times(np.array([3.0, 6.0, 9.0]), train_time=np.array([8.0]),
        ...             test_time=np.array([9.0])).tolist()
        [3.0, 6.0]
    """
    if not (len(train_time) and len(test_time)):
        return at[:0]
    inside: Array = at[at < legal_end(train_time=train_time, test_time=test_time)]
    return inside

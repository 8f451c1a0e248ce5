"""Concordance: does who dies earlier have the higher risk?"""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float, Int

from mmsurv.checks import check_finite, check_follow_up
from mmsurv.metrics.functional.censoring import ipcw, legal_end
from mmsurv.metrics.functional.counting import count_below
from mmsurv.metrics.functional.value import Value

Array = np.ndarray


def comparable_pairs(*, event: Bool[Array, " n"], time: Float[Array, " n"]) -> int:
    """Number of pairs of patients of whom it is known who had the event first.

    One of the two had the event, and the other was followed for longer, or was censored at the same
    time. Two events at one time are not comparable.

    Args:
        event: True = it happened.
        time: Positive, in any unit.

    Raises:
        ValueError: Input that is not usable.

    Example:
        >>> comparable_pairs(event=np.array([True, True, False]), time=np.array([1.0, 2.0, 2.0]))
        3
    """
    check_follow_up(event=event, time=time)
    return int(pairs_led(event, time).sum())


def pairs_led(event: Bool[Array, " n"], time: Float[Array, " n"]) -> Int[Array, " e"]:
    """Comparable pairs in which each of the events is the earlier one.

    Args:
        event: True = it happened.
        time: Of the same patients.

    Example:
        >>> pairs_led(np.array([True, False, True]), np.array([1.0, 2.0, 2.0])).tolist()
        [2, 1]
    """
    everyone, censored, at = np.sort(time), np.sort(time[~event]), time[event]
    later = len(everyone) - np.searchsorted(everyone, at, side="right")
    tied = np.searchsorted(censored, at, side="right") - np.searchsorted(censored, at, side="left")
    led: Array = later + tied
    return led


def concordant_led(
    log_hazard: Float[Array, " n"], event: Bool[Array, " n"], time: Float[Array, " n"]
) -> Float[Array, " e"]:
    """Of the pairs of `pairs_led` those in which the event has the higher risk; ties are halves.

    In the order of time, and of events before the censored of the same time, the later patients of
    an event's pairs are all those behind the last event of its time.

    Args:
        log_hazard: eta; only its order matters.
        event: True = it happened.
        time: Of the same patients.

    Example:
        >>> e, t = np.array([True, False, True]), np.array([1.0, 2.0, 2.0])
        >>> concordant_led(np.array([2.0, 2.0, 1.0]), e, t).tolist()
        [1.5, 0.0]
    """
    order = np.lexsort((~event, time))
    _, rank = np.unique(log_hazard, return_inverse=True)
    ended = time[event]
    censored_first = np.searchsorted(np.sort(time[~event]), ended, side="left")
    behind = np.searchsorted(np.sort(ended), ended, side="right") + censored_first
    both = count_below(
        rank[order],
        start=np.tile(behind, 2),
        stop=np.full(2 * len(ended), len(time)),
        bound=np.concatenate([rank[event], rank[event] + 1]),
    )
    less, not_more = np.split(both, 2)
    led: Array = (less + not_more) / 2
    return led


def concordance(
    *, log_hazard: Float[Array, " n"], event: Bool[Array, " n"], time: Float[Array, " n"]
) -> Value:
    r"""Harrell's C: the share of comparable pairs in which the earlier event has the higher risk.

    .. math:: C = \frac{\#\{\eta_i > \eta_j\} + \tfrac12 \#\{\eta_i = \eta_j\}}{\#\text{pairs}}

    over the pairs of `comparable_pairs`; i is the patient with the earlier event. O(n log n) time
    and O(n) memory.

    Args:
        log_hazard: eta; higher is riskier. Only its order matters.
        event: True = it happened.
        time: Positive, in any unit.

    Returns:
        C in [0, 1], 0.5 is a coin; NaN where no pair is comparable. Its limit depends on the
        censoring; that of `uno_concordance` does not.

    Raises:
        ValueError: Input that is not usable, such as a NaN log hazard.

    Source: Harrell et al., Evaluating the yield of medical tests, 1982,
    doi:10.1001/jama.1982.03320430047030.

    Example:
        >>> concordance(log_hazard=np.array([3.0, 1.0, 2.0]), event=np.array([True, True, False]),
        ...             time=np.array([1.0, 2.0, 3.0])).value
        0.6666666666666666
    """
    check_finite("log_hazard", log_hazard, len(time))
    pairs = comparable_pairs(event=event, time=time)
    if pairs == 0:
        if not event.any():
            return Value.missing("no event among the patients")
        return Value.missing("no comparable pair: nobody is followed beyond the only event time")
    return Value(float(concordant_led(log_hazard, event, time).sum() / pairs))


def uno_concordance(
    *,
    log_hazard: Float[Array, " n"],
    event: Bool[Array, " n"],
    time: Float[Array, " n"],
    train_event: Bool[Array, " m"],
    train_time: Float[Array, " m"],
    until: float,
) -> Value:
    r"""Uno's C: concordance whose limit does not depend on the censoring.

    .. math:: C_\tau = \frac{\sum_{i,j} d_i 1_{t_i < \tau} 1_{t_i < t_j} G(t_i)^{-2}
              \big( 1_{\eta_i > \eta_j} + \tfrac12 1_{\eta_i = \eta_j} \big)}
              {\sum_{i,j} d_i 1_{t_i < \tau} 1_{t_i < t_j} G(t_i)^{-2}}

    over the pairs of `comparable_pairs` whose earlier event is before the truncation time tau. G is
    the censoring distribution of the training patients. Without a truncation the few events at the
    end, where G is almost 0, would outweigh all others, so tau belongs beside the number.

    Args:
        log_hazard: eta; higher is riskier. Only its order matters.
        event: True = it happened.
        time: Positive, in any unit.
        train_event: Of the training patients.
        train_time: Of the training patients, in the unit of `time`.
        until: tau, in the unit of `time`.

    Returns:
        C in [0, 1]; NaN where no pair is comparable before tau, or tau is beyond the follow-up.

    Raises:
        ValueError: Input that is not usable.

    Source: Uno et al., On the C-statistics for evaluating overall adequacy of risk prediction
    procedures with censored survival data, 2011, doi:10.1002/sim.4154.

    Example:
        >>> e, t = np.array([True, True, False]), np.array([1.0, 2.0, 3.0])
        >>> uno_concordance(log_hazard=-t, event=e, time=t, train_event=e, train_time=t,
        ...                 until=2.5).value
        1.0
    """
    check_follow_up(event=event, time=time)
    check_follow_up(event=train_event, time=train_time, of="training")
    check_finite("log_hazard", log_hazard, len(time))
    if not train_event.any():
        return Value.missing("no event among the training patients")
    end = legal_end(train_time=train_time, test_time=time)
    if until > end:
        return Value.missing(f"tau {until:g} is beyond {end:g}, where the follow-up ends")
    pairs = pairs_led(event, time)
    before = time[event] < until
    if pairs[before].sum() == 0:
        return Value.missing(f"no comparable pair before tau {until:g}")
    weight = ipcw(train_event=train_event, train_time=train_time, at=time[event]) ** 2 * before
    concordant = concordant_led(log_hazard, event, time)
    return Value(float(weight @ concordant / (weight @ pairs)))


def pooled_concordance(*, c_index: Float[Array, " k"], pairs: Int[Array, " k"]) -> Value:
    r"""C-index of several folds together, each weighing by its comparable pairs.

    .. math:: C = \frac{\sum_k m_k C_k}{\sum_k m_k}

    The pairs are those within folds: log hazards of different folds have no common origin, and
    patients of different folds are never compared.

    Args:
        c_index: Of each fold; not read where a fold has no pair.
        pairs: m, from `comparable_pairs`.

    Returns:
        C; NaN where no fold has a pair.

    Raises:
        ValueError: Columns of different lengths, or a fold with pairs and without C-index.

    Example:
        >>> pooled_concordance(c_index=np.array([0.5, 0.75]), pairs=np.array([100, 300])).value
        0.6875
    """
    if c_index.shape != pairs.shape:
        raise ValueError(f"a fold has a C-index and pairs, got {c_index.shape} and {pairs.shape}")
    used = pairs > 0
    if not used.any():
        return Value.missing("no comparable pair in any fold")
    if np.isnan(c_index[used]).any():
        raise ValueError("a fold has comparable pairs but its C-index is NaN")
    return Value(float(np.average(c_index[used], weights=pairs[used])))

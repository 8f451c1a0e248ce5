"""Time-dependent area under the ROC curve."""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Bool, Float
from torchsurv.metrics.auc import Auc

from mmsurv.metrics.functional.censoring import ipcw, why_beyond
from mmsurv.metrics.functional.concordance import ranks
from mmsurv.metrics.functional.value import Array, Value, check_survival_data


def auc_at(
    *,
    log_hazard: Float[Array, " n"],
    event: Bool[Array, " n"],
    time: Float[Array, " n"],
    train_event: Bool[Array, " m"],
    train_time: Float[Array, " m"],
    at_days: float,
) -> Value:
    r"""Cumulative/dynamic AUC at one time, weighted for censoring.

    The probability that somebody who has had the event by t has a higher log hazard than somebody who
    has not:

    .. math:: AUC(t) = \frac{\sum_{i,j} 1\{t_i \le t, d_i = 1\} \, 1\{t_j > t\} \, G(t_i)^{-1}
              (1\{\eta_i > \eta_j\} + \tfrac12 1\{\eta_i = \eta_j\})}
              {\sum_{i,j} 1\{t_i \le t, d_i = 1\} \, 1\{t_j > t\} \, G(t_i)^{-1}}

    Args:
        log_hazard: Higher = at higher risk.
        event: True = it happened.
        time: Days.
        train_event: Of the training patients, for the censoring weights.
        train_time: Of the training patients.
        at_days: t.

    Returns:
        The AUC, or NaN with the reason: no case, no control, or t beyond the follow-up.

    Raises:
        ValueError: A log hazard or time is not finite.

    Source: Uno et al., Evaluating prediction rules for t-year survivors, 2007,
    doi:10.1198/016214507000000149. Computed by torchsurv.

    Example:
        >>> auc_at(log_hazard=np.array([2.0, 1.0, 0.0]), event=np.array([True, True, True]),
        ...        time=np.array([1.0, 3.0, 4.0]), train_event=np.array([True, True]),
        ...        train_time=np.array([1.0, 9.0]), at_days=2.0)
        Value(value=1.0, reason='')
    """
    check_survival_data(event, time, log_hazard=log_hazard)
    follow_up = {"train_event": train_event, "train_time": train_time}
    reason = why_beyond(at_days, **follow_up, test_time=time)
    if reason:
        return Value.missing(reason)
    if not np.any(np.asarray(event, dtype=bool) & (time <= at_days)):
        return Value.missing(f"no event up to day {at_days:g}")
    # Only cases before t are weighted by their own time; those are within the training follow-up.
    own = np.minimum(time, at_days)
    score = Auc()(
        torch.from_numpy(ranks(log_hazard)),
        torch.from_numpy(np.asarray(event, dtype=bool)),
        torch.from_numpy(np.asarray(time, dtype=np.float32)),
        new_time=torch.tensor([at_days], dtype=torch.float32),
        weight=ipcw(**follow_up, at=own),
        weight_new_time=ipcw(**follow_up, at=np.array([at_days])),
    )
    return Value(float(score))

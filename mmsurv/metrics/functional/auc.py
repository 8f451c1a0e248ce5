"""Time-dependent area under the curve."""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Bool, Float
from torchsurv.metrics.auc import Auc

from mmsurv.checks import check_finite, check_follow_up
from mmsurv.metrics.functional.censoring import ipcw, why_illegal
from mmsurv.metrics.functional.ranks import joint_ranks
from mmsurv.metrics.functional.value import Value

Array = np.ndarray


def auc_at(
    *,
    log_hazard: Float[Array, " n"],
    event: Bool[Array, " n"],
    time: Float[Array, " n"],
    train_event: Bool[Array, " m"],
    train_time: Float[Array, " m"],
    at_days: float,
) -> Value:
    r"""Cumulative/dynamic AUC: do those with the event by t have the higher risk?

    .. math:: \mathrm{AUC}(t) = \frac{\sum_{i: d_i, t_i \le t} \sum_{j: t_j > t} G(t_i)^{-1}
              \big( 1_{\eta_i > \eta_j} + \tfrac12 1_{\eta_i = \eta_j} \big)}
              {\#\{j: t_j > t\} \sum_{i: d_i, t_i \le t} G(t_i)^{-1}}

    G is the censoring distribution of the training patients.

    Args:
        log_hazard: eta; higher is riskier. Only its order matters.
        event: True = it happened.
        time: Days, positive.
        train_event: Of the training patients.
        train_time: Of the training patients, days.
        at_days: t.

    Returns:
        AUC in [0, 1]; NaN where t is not below the end of follow-up, or nobody has had the event.

    Raises:
        ValueError: Input that is not usable, such as a NaN log hazard.

    Source: Uno et al., Evaluating prediction rules for t-year survivors with censored regression
    models, 2007, doi:10.1198/016214507000000149.

    Example:
        >>> e, t = np.array([True, True, False]), np.array([1.0, 2.0, 3.0])
        >>> auc_at(log_hazard=-t, event=e, time=t, train_event=e, train_time=t, at_days=2.0).value
        1.0
    """
    check_follow_up(event=event, time=time)
    check_follow_up(event=train_event, time=train_time, of="training")
    check_finite("log_hazard", log_hazard, len(time))
    if not train_event.any():
        return Value.missing("no event among the training patients")
    if not (event & (time <= at_days)).any():
        return Value.missing(f"no event by time {at_days:g}")
    if reason := why_illegal(at_days, train_time=train_time, test_time=time):
        return Value.missing(reason)
    at = np.array([at_days])
    weight = ipcw(train_event=train_event, train_time=train_time, at=np.append(time, at))
    (risk,) = joint_ranks(log_hazard)
    when, wanted = joint_ranks(time, at)
    auc = Auc()(
        risk,
        torch.tensor(event),
        when,
        new_time=wanted,
        weight=torch.tensor(weight[:-1], dtype=torch.float32),
        weight_new_time=torch.tensor(weight[-1:], dtype=torch.float32),
    )
    return Value(float(auc[0]))

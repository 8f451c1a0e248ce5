"""Losses: pure functions, and the modules round them."""

from mmsurv.losses.cox import CoxLoss
from mmsurv.losses.discrete import DiscreteLoss
from mmsurv.losses.functional import (
    compares,
    cox_neg_log_likelihood,
    discrete_neg_log_likelihood,
    event_time_edges,
    time_bin,
)

__all__ = [
    "CoxLoss",
    "DiscreteLoss",
    "compares",
    "cox_neg_log_likelihood",
    "discrete_neg_log_likelihood",
    "event_time_edges",
    "time_bin",
]

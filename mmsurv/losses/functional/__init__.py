"""Losses as pure functions."""

from mmsurv.losses.functional.cox import compares, cox_neg_log_likelihood
from mmsurv.losses.functional.discrete import (
    discrete_neg_log_likelihood,
    event_time_edges,
    time_bin,
)

__all__ = [
    "compares",
    "cox_neg_log_likelihood",
    "discrete_neg_log_likelihood",
    "event_time_edges",
    "time_bin",
]

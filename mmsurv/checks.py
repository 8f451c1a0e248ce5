"""Checks that every function on survival data makes of what it is handed."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float

Array = np.ndarray


def check_follow_up(*, event: Bool[Array, " n"], time: Float[Array, " n"], of: str = "") -> None:
    """Raises unless events and times are usable.

    Args:
        event: True = it happened. Must be bool: a code such as 2 would silently count as an event.
        time: Positive and finite, in any unit.
        of: Whose follow-up this is, for the message.

    Raises:
        ValueError: What is wrong, the first offending row, and the way out.

    Example:
        >>> check_follow_up(event=np.array([True, False]), time=np.array([3.0, 0.0]))
        Traceback (most recent call last):
        ...
        ValueError: time must be positive and finite, row 1 is 0.0: exclude that patient
    """
    owner = f"{of} " if of else ""
    if event.dtype != np.bool_:
        raise ValueError(f"{owner}event must be bool, got {event.dtype}: compare with its code")
    if event.ndim != 1 or event.shape != time.shape:
        raise ValueError(
            f"{owner}event and time must be two columns of one length, got shapes "
            f"{event.shape} and {time.shape}"
        )
    wrong = np.flatnonzero(~(np.isfinite(time) & (time > 0)))
    if len(wrong):
        row = int(wrong[0])
        raise ValueError(
            f"{owner}time must be positive and finite, row {row} is {float(time[row])}: "
            "exclude that patient"
        )


def check_finite(name: str, values: Float[Array, " n *rest"], length: int) -> None:
    """Raises unless `values` has one finite row a patient.

    Args:
        name: Name of the argument, for the message.
        values: First axis is patients.
        length: Patients expected.

    Raises:
        ValueError: What is wrong, and the first offending row. A NaN scored as a number is how a
            diverged network gets a C-index.

    Example:
        >>> check_finite("log_hazard", np.array([0.0, float("nan")]), 2)
        Traceback (most recent call last):
        ...
        ValueError: log_hazard must be finite, row 1 is nan: the network that made it has diverged
    """
    if values.ndim == 0 or len(values) != length:
        raise ValueError(f"{name} must have {length} rows, one a patient, got shape {values.shape}")
    wrong = np.argwhere(~np.isfinite(values))
    if len(wrong):
        row = int(wrong[0][0])
        raise ValueError(
            f"{name} must be finite, row {row} is {float(values[tuple(wrong[0])])}: "
            "the network that made it has diverged"
        )

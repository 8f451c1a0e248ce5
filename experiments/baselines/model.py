"""What a classical model is given, and what it returns."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float
from threadpoolctl import threadpool_limits

Array = np.ndarray


class NotFittedError(RuntimeError):
    """A model has no answer on these patients; the message is the reason that is shown."""


class Sample(NamedTuple):
    """Training patients of one model.

    Attributes:
        x: Standardised columns.
        event: True = it happened.
        time: Days.
        seed: Of everything random in the model.
    """

    x: Float[Array, "n p"]
    event: Bool[Array, " n"]
    time: Float[Array, " n"]
    seed: int

    def part(self, chosen: Bool[Array, " n"]) -> Sample:
        """Some of the patients."""
        return Sample(self.x[chosen], self.event[chosen], self.time[chosen], self.seed)


@dataclass(frozen=True)
class Predicted:
    """What a model says of the patients of one fold.

    Attributes:
        training: Log hazards of the training patients; baseline hazard, risk cut and scale come
            from them.
        held_out: Log hazards of the held-out patients.
        choice: What was chosen within the training patients, such as the penalty.
    """

    training: Float[Array, " n"]
    held_out: Float[Array, " m"]
    choice: dict[str, float]


# From training patients and the columns of held-out ones to log hazards of both.
Fit = Callable[[Sample, Float[Array, "m p"]], Predicted]


@contextlib.contextmanager
def one_thread() -> Iterator[None]:
    """Sums in one order: the bytes do not depend on how many cores are free."""
    with threadpool_limits(1):
        yield

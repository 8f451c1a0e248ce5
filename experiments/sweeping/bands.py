"""When a configuration is given up: W&B's rule of bands, an iteration being a fold."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from optuna.pruners import BasePruner
from optuna.study import StudyDirection

if TYPE_CHECKING:
    from optuna import Study
    from optuna.trial import FrozenTrial


def given_up(
    own: Sequence[float], courses: Sequence[Sequence[float]], bands: Sequence[int], eta: float
) -> bool:
    """Whether a run is stopped, by the rule of W&B's hyperband.

    At the last band that the run has reached, its best value so far must be among the best one in
    `eta` of all values that runs had there.

    Args:
        own: Values of the run so far; less is better.
        courses: Those of all runs, finished, stopped and running, this one among them.
        bands: Iterations, counted from 0, at which runs are compared.
        eta: One in so many goes on.

    Example:
        >>> courses = [[3.0, 2.5], [3.0, 2.6], [3.0, 2.9]]
        >>> [given_up(own, courses, (1, 2, 4), 2) for own in courses]
        [False, False, True]
    """
    reached = [band for band in bands if band < len(own)]
    if not reached:
        return False
    there = sorted(course[reached[-1]] for course in courses if len(course) > reached[-1])
    return min(own) > there[int(len(there) / eta)]


class BandPruner(BasePruner):
    """The rule for a study of Optuna.

    Args:
        bands: See `given_up`.
        eta: Likewise.
    """

    def __init__(self, bands: Sequence[int], eta: float) -> None:
        self.bands = tuple(bands)
        self.eta = eta

    def prune(self, study: Study, trial: FrozenTrial) -> bool:
        """Whether the trial, which has just reported, is stopped."""
        sign = -1 if study.direction == StudyDirection.MAXIMIZE else 1
        courses = [_course(other, sign) for other in study.get_trials(deepcopy=False)]
        return given_up(_course(trial, sign), courses, self.bands, self.eta)


def _course(trial: FrozenTrial, sign: int) -> list[float]:
    return [sign * value for _, value in sorted(trial.intermediate_values.items())]

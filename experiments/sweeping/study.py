"""Which configuration comes next: Optuna's study of a sweep, kept in the sweep's folder."""

from __future__ import annotations

import itertools
import math
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, NamedTuple

import numpy as np

from experiments.sweeping.locks import held, take
from experiments.sweeping.sweep_file import Sweep

if TYPE_CHECKING:
    from optuna import Study
    from optuna.trial import FrozenTrial, Trial

# A configuration under which its process died so often is given up.
MOST_ATTEMPTS = 3


class Claim(NamedTuple):
    """A configuration that one agent has taken.

    Attributes:
        trial: Optuna's.
        number: Of the configuration, from 0.
        values: Of its parameters.
        lock: Held while it runs.
    """

    trial: Trial
    number: int
    values: dict[str, Any]
    lock: IO[str]


def open_study(folder: Path, sweep: Sweep, number: int = 0, seed: int = 0) -> Study:
    """The study in a sweep's folder, made on first use.

    Args:
        folder: Of the sweep.
        sweep: Its file.
        number: Of the configuration to be drawn; it decides the sampler's randomness.
        seed: Of the sweep.
    """
    import optuna
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    pruner: optuna.pruners.BasePruner = optuna.pruners.NopPruner()
    if sweep.early:
        from experiments.sweeping.bands import BandPruner

        pruner = BandPruner(sweep.early.bands, sweep.early.eta)
    state = np.random.SeedSequence([seed, number]).generate_state(1)[0]
    return optuna.create_study(
        storage=JournalStorage(JournalFileBackend(str(folder / "study.journal"))),
        study_name=sweep.name,
        direction="maximize" if sweep.goal == "maximize" else "minimize",
        sampler=optuna.samplers.TPESampler(seed=int(state), constant_liar=True),
        pruner=pruner,
        load_if_exists=True,
    )


def grid_size(sweep: Sweep) -> int:
    """Configurations of a grid; 0 where it has no end."""
    return math.prod(len(parameter.grid()) for parameter in sweep.parameters)


def claim(folder: Path, sweep: Sweep, *, count: int, seed: int) -> Claim | None:
    """Takes the next configuration: one whose process died, or a new one; None when all are taken.

    Agents of any number of processes and machines may ask at once, if they share the folder.

    Args:
        folder: Of the sweep.
        sweep: Its file.
        count: Configurations in all.
        seed: Of the sweep.
    """
    from optuna.trial import Trial, TrialState

    with held(folder / "locks" / "claims.lock"):
        study = open_study(folder, sweep, seed=seed)
        for left in study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
            lock = take(_lock(folder, left.number))
            if lock is None:
                continue
            trial = Trial(study, left._trial_id)
            attempts = left.user_attrs["attempts"] + 1
            if attempts > MOST_ATTEMPTS:
                trial.set_user_attr("reason", f"the process died {MOST_ATTEMPTS} times with it")
                study.tell(left.number, state=TrialState.FAIL)
                lock.close()
                continue
            trial.set_user_attr("attempts", attempts)
            return Claim(trial, left.number, values_of(sweep, left.params), lock)
        number = len(study.get_trials(deepcopy=False))
        if number >= count:
            return None
        lock = take(_lock(folder, number))
        assert lock is not None, "nobody else makes trials while the claims are locked"
        trial = _new(open_study(folder, sweep, number, seed), sweep, number, seed)
        trial.set_user_attr("attempts", 1)
        return Claim(trial, number, values_of(sweep, trial.params), lock)


def not_counted(taken: Claim) -> None:
    """The attempt that a claim counts does not speak against its configuration."""
    attempts = taken.trial.user_attrs["attempts"]
    taken.trial.set_user_attr("attempts", max(0, attempts - 1))


def values_of(sweep: Sweep, params: dict[str, Any]) -> dict[str, Any]:
    """The values of the flags, for what Optuna stores."""
    return {p.name: p.value_of(params[p.name]) for p in sweep.parameters}


def twin(study: Study, sweep: Sweep, number: int, values: dict[str, Any]) -> FrozenTrial | None:
    """A finished configuration with the same values, where the search came by it again."""
    from optuna.trial import TrialState

    for other in study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,)):
        if other.number != number and values_of(sweep, other.params) == values:
            return other
    return None


def _new(study: Study, sweep: Sweep, number: int, seed: int) -> Trial:
    """Draws the configuration of a number; of a grid and at random it depends on nothing else."""
    space = {parameter.name: parameter.distribution() for parameter in sweep.parameters}
    if sweep.method == "grid":
        points = itertools.product(*(parameter.grid() for parameter in sweep.parameters))
        point = next(itertools.islice(points, number, None))
        study.enqueue_trial(dict(zip(space, point, strict=True)))
    if sweep.method == "random":
        shares = np.random.default_rng([seed, number]).random(len(space))
        study.enqueue_trial(
            {p.name: p.raw_at(float(u)) for p, u in zip(sweep.parameters, shares, strict=True)}
        )
    return study.ask(space)


def _lock(folder: Path, number: int) -> Path:
    return folder / "locks" / f"{number:04d}.lock"

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from lightning.pytorch import LightningModule
from torch import Tensor

from mmsurv.callbacks import Evaluation
from mmsurv.metrics.functional import auc_at, concordance, integrated_brier
from mmsurv.replay import Seen
from mmsurv.survival import DAYS_PER_YEAR, fit_baseline, survival_probability
from mmsurv.task import SurvivalTask

HORIZON = 2 * DAYS_PER_YEAR


class Listening(SurvivalTask):
    """Keeps what is logged instead of asking for a trainer."""

    def log(self, name: str, value: Tensor, **kwargs: Any) -> None:
        self.logged[name] = float(value)


def _seen(seed: int, n: int) -> Seen:
    random = np.random.default_rng(seed)
    log_hazard = random.normal(size=n)
    time = np.ceil(1500 * random.exponential(size=n) / np.exp(log_hazard)).clip(1, 4000)
    return Seen(
        torch.tensor(log_hazard, dtype=torch.float32),
        torch.tensor(random.random(n) < 0.7),
        torch.tensor(time, dtype=torch.float32),
    )


def _batches(seen: Seen, size: int) -> list[Seen]:
    return [Seen(*parts) for parts in zip(*(field.split(size) for field in seen), strict=True)]


def _evaluate(validated: list[Seen], trained: list[Seen], known: Seen) -> dict[str, float]:
    task = Listening(sizes=[0, 0, 2])
    task.logged = {}
    task.validated, task.trained = validated, trained
    evaluation = Evaluation(
        train_event=known.event.tolist(),
        train_time_days=known.time_days.tolist(),
        horizons_days=[HORIZON],
    )
    evaluation.on_validation_epoch_end(None, task)  # type: ignore[arg-type]
    return task.logged


def _arrays(seen: Seen) -> dict[str, np.ndarray]:
    return {
        "log_hazard": seen.log_hazard.double().numpy(),
        "event": seen.event.numpy(),
        "time": seen.time_days.double().numpy(),
    }


@pytest.mark.parametrize("size", [1, 7, 12, 60])
def test_values_are_those_of_the_whole_set(size) -> None:
    validated, trained = _seen(0, 60), _seen(1, 90)
    logged = _evaluate(_batches(validated, size), _batches(trained, size), trained)
    set_, past = _arrays(validated), _arrays(trained)
    known = {"train_event": past["event"], "train_time": past["time"]}
    assert logged["val/c_index"] == pytest.approx(concordance(**set_).value, rel=1e-6)
    auc = auc_at(**set_, **known, at_days=HORIZON)
    assert logged["val/auc_2y"] == pytest.approx(auc.value, rel=1e-6)
    grid = np.linspace(0, HORIZON, 21)[1:]
    survival = survival_probability(
        fit_baseline(**past), log_hazard=set_["log_hazard"], at_days=grid
    )
    del set_["log_hazard"]
    ibs = integrated_brier(survival=survival, **set_, **known, at_days=grid, until_days=HORIZON)
    assert logged["val/ibs_2y"] == pytest.approx(ibs.value, rel=1e-5)


def test_a_mean_over_batches_would_be_another_number() -> None:
    validated = _seen(0, 60)
    whole = _evaluate([validated], [validated], validated)["val/c_index"]
    parts = [_evaluate([b], [b], validated)["val/c_index"] for b in _batches(validated, 6)]
    assert abs(np.nanmean(parts) - whole) > 0.003


def test_no_baseline_without_training_batches_and_nothing_is_kept_between_epochs() -> None:
    first, second = _seen(0, 40), _seen(2, 40)
    assert "val/ibs_2y" not in _evaluate([first], [], second)
    task = Listening(sizes=[0, 0, 2])
    evaluation = Evaluation(
        train_event=second.event.tolist(),
        train_time_days=second.time_days.tolist(),
        horizons_days=[HORIZON],
    )
    for validated in (first, second):
        task.logged, task.validated, task.trained = {}, [validated], [second]
        evaluation.on_validation_epoch_end(None, task)  # type: ignore[arg-type]
    assert task.logged == _evaluate([second], [second], second)


def test_a_diverged_epoch_is_nan_and_not_an_error() -> None:
    seen = _seen(0, 20)
    diverged = seen._replace(log_hazard=seen.log_hazard * math.nan)
    logged = _evaluate([diverged], [diverged], seen)
    assert set(logged) == {"val/c_index", "val/auc_2y", "val/ibs_2y"}
    assert all(math.isnan(value) for value in logged.values())


def test_another_module_is_refused_by_name() -> None:
    evaluation = Evaluation(train_event=[True], train_time_days=[1.0], horizons_days=[HORIZON])
    with pytest.raises(TypeError, match="got LightningModule"):
        evaluation.on_validation_epoch_end(None, LightningModule())  # type: ignore[arg-type]

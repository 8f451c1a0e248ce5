from __future__ import annotations

import copy
import math
import pickle
import re
from typing import Any

import numpy as np
import pytest
import torch
from matplotlib.figure import Figure

from mmsurv.metrics import (
    ConcordanceIndex,
    IntegratedBrier,
    TimeDependentAUC,
    UnoConcordanceIndex,
)
from mmsurv.metrics.functional import auc_at, concordance, integrated_brier, uno_concordance
from mmsurv.metrics.survival import SurvivalMetric
from mmsurv.survival import fit_baseline, survival_probability

AT = 6.0
KINDS = ("c_index", "auc", "uno", "ibs")


@pytest.fixture
def train(make_cohort) -> Any:
    return make_cohort(0, n=150)


@pytest.fixture
def scored(make_cohort) -> dict[str, torch.Tensor]:
    cohort = make_cohort(1, n=90)
    return {
        "log_hazard": torch.tensor(cohort.log_hazard, dtype=torch.float32),
        "event": torch.tensor(cohort.event),
        "time": torch.tensor(cohort.time, dtype=torch.float32),
    }


@pytest.fixture
def metrics(train) -> dict[str, SurvivalMetric]:
    known: dict[str, Any] = {
        "train_event": train.event.tolist(),
        "train_time_days": train.time.tolist(),
    }
    ibs = IntegratedBrier(**known, at_days=AT)
    ibs.fit(**{name: torch.tensor(column) for name, column in train._asdict().items()})
    return {
        "c_index": ConcordanceIndex(),
        "auc": TimeDependentAUC(**known, at_days=AT),
        "uno": UnoConcordanceIndex(**known, at_days=AT),
        "ibs": ibs,
    }


def expected(train, scored) -> dict[str, float]:
    """The pure functions on the whole set."""
    data = {name: column.numpy() for name, column in scored.items()}
    known = {"train_event": train.event, "train_time": train.time}
    grid = np.linspace(0, AT, 21)[1:]
    survival = survival_probability(
        fit_baseline(**train._asdict()), log_hazard=data["log_hazard"], at_days=grid
    )
    patients = {"event": data["event"], "time": data["time"]}
    return {
        "c_index": concordance(**data).value,
        "auc": auc_at(**data, **known, at_days=AT).value,
        "uno": uno_concordance(**data, **known, until=AT).value,
        "ibs": integrated_brier(
            **patients, **known, survival=survival, at_days=grid, until_days=AT
        ).value,
    }


def batches(data: dict[str, torch.Tensor], size: int) -> list[dict[str, torch.Tensor]]:
    n = len(data["time"])
    return [{k: v[i : i + size] for k, v in data.items()} for i in range(0, n, size)]


@pytest.mark.parametrize("size", [12, 90])
@pytest.mark.parametrize("kind", KINDS)
def test_batches_add_up_to_the_set(kind, size, metrics, train, scored) -> None:
    metric = metrics[kind]
    for batch in batches(scored, size):
        metric.update(**batch)
    assert metric.compute().item() == pytest.approx(expected(train, scored)[kind], abs=1e-6)
    assert metric.reason == ""


@pytest.mark.parametrize("kind", KINDS)
def test_two_processes_add_up_to_the_set(kind, metrics, train, scored) -> None:
    metric, other = metrics[kind], copy.deepcopy(metrics[kind])
    first, *rest = batches(scored, 45)
    metric.update(**first)
    for batch in rest:
        other.update(**batch)
    metric.merge_state(other)
    assert metric.compute().item() == pytest.approx(expected(train, scored)[kind], abs=1e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_forward_scores_the_batch_and_keeps_gathering(kind, metrics, train, scored) -> None:
    metric = metrics[kind]
    first, second = batches(scored, 45)
    assert metric(**first).item() == pytest.approx(expected(train, first)[kind], abs=1e-6)
    metric(**second)
    assert metric.compute().item() == pytest.approx(expected(train, scored)[kind], abs=1e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_reset_forgets_and_a_pickle_does_not(kind, metrics, train, scored) -> None:
    metric = metrics[kind]
    metric.update(**scored)
    again = pickle.loads(pickle.dumps(metric))
    assert again.compute().item() == pytest.approx(expected(train, scored)[kind], abs=1e-6)
    metric.reset()
    with pytest.warns(UserWarning, match="before the ``update`` method"):
        assert math.isnan(metric.compute())
    assert metric.reason == "no patient was added"


@pytest.mark.parametrize("kind", KINDS)
def test_without_events_it_is_nan_with_a_reason(kind, metrics, scored) -> None:
    metrics[kind].update(**scored | {"event": torch.zeros(90, dtype=torch.bool)})
    assert math.isnan(metrics[kind].compute())
    assert re.search("no event|no comparable pair", metrics[kind].reason)


@pytest.mark.parametrize("kind", KINDS)
def test_a_diverged_network_is_nan_with_a_reason(kind, metrics, scored) -> None:
    scored["log_hazard"][4] = torch.nan
    metrics[kind].update(**scored)
    assert math.isnan(metrics[kind].compute())
    assert metrics[kind].reason == "a log hazard is not finite"


@pytest.mark.parametrize("kind", KINDS)
def test_no_gradient_is_kept_and_the_flags_are_said(kind, metrics, scored) -> None:
    metric = metrics[kind]
    metric.update(**scored | {"log_hazard": scored["log_hazard"].requires_grad_()})
    assert not metric.log_hazard[0].requires_grad
    assert (metric.full_state_update, metric.is_differentiable) == (False, False)
    assert metric.higher_is_better == (kind != "ibs")


def test_a_horizon_beyond_the_follow_up_is_nan_with_a_reason(train, scored) -> None:
    metric = TimeDependentAUC(
        train_event=train.event.tolist(), train_time_days=train.time.tolist(), at_days=1e4
    )
    metric.update(**scored)
    assert math.isnan(metric.compute())
    assert "is not below" in metric.reason


def test_brier_needs_a_baseline_and_follows_a_new_one(train, scored) -> None:
    metric = IntegratedBrier(
        train_event=train.event.tolist(), train_time_days=train.time.tolist(), at_days=AT
    )
    metric.update(**scored)
    assert math.isnan(metric.compute())
    assert "no baseline" in metric.reason
    known = {name: torch.tensor(column) for name, column in train._asdict().items()}
    metric.fit(**known)
    score = metric.compute()
    assert score.item() == pytest.approx(expected(train, scored)["ibs"], abs=1e-6)
    metric.fit(**known | {"log_hazard": -known["log_hazard"]})
    assert metric.compute() != score
    for change in (
        {"event": torch.zeros_like(known["event"])},
        {"log_hazard": known["log_hazard"] * torch.nan},
    ):
        metric.fit(**known | change)
        assert math.isnan(metric.compute())


def test_the_base_class_computes_nothing(scored) -> None:
    metric = SurvivalMetric()
    metric.update(**scored)
    with pytest.raises(TypeError, match="SurvivalMetric is a base class"):
        metric.compute()


def test_plot_draws_the_value(metrics, scored) -> None:
    metric = metrics["c_index"]
    metric.update(**scored)
    _, axes = metric.plot(ax=Figure().add_subplot())
    (drawn,) = axes.lines[0].get_ydata()
    assert drawn == pytest.approx(metric.compute().item())

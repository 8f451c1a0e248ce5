from __future__ import annotations

import pytest
import torch

from mmsurv.losses import (
    CoxLoss,
    DiscreteLoss,
    cox_neg_log_likelihood,
    discrete_neg_log_likelihood,
)


@pytest.fixture
def data(make_cohort) -> dict[str, torch.Tensor]:
    cohort = make_cohort(0, times=6)
    return {
        "log_hazard": torch.tensor(cohort.log_hazard, dtype=torch.float32),
        "event": torch.tensor(cohort.event),
        "time": torch.tensor(cohort.time, dtype=torch.float32),
    }


def test_cox_loss_is_its_function_with_its_ties(data) -> None:
    losses = [CoxLoss(ties)(**data) for ties in ("efron", "breslow")]
    assert losses[0] == cox_neg_log_likelihood(**data, ties="efron")
    assert losses[1] == cox_neg_log_likelihood(**data, ties="breslow")
    assert losses[0] < losses[1]
    counted = torch.arange(len(data["time"])) < 20
    assert CoxLoss()(**data, counted=counted) == cox_neg_log_likelihood(**data, counted=counted)


def test_discrete_loss_owns_its_edges_and_learns_its_baseline(data) -> None:
    loss = DiscreteLoss([2.0, 4.0])
    value = loss(**data)
    value.backward()
    assert value == discrete_neg_log_likelihood(
        **data, edges=torch.tensor([2.0, 4.0]), baseline=torch.full((3,), -2.0)
    )
    assert (loss.baseline.grad != 0).all()
    again = DiscreteLoss([0.0, 0.0])
    again.load_state_dict(loss.state_dict())
    assert again(**data) == value

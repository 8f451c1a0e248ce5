"""What docs/losses.md says of torchsurv's Cox loss; what fails here has been repaired there."""

from __future__ import annotations

import math
from itertools import permutations

import pytest
import torch
from torchsurv.loss.cox import neg_partial_log_likelihood

from mmsurv.losses import cox_neg_log_likelihood

pytestmark = pytest.mark.filterwarnings(
    "ignore:Ties in:UserWarning", "ignore:No events:UserWarning"
)


@pytest.mark.parametrize(("events", "times"), [(40, 40), (89, 58), (88, 14), (44, 4)])
def test_a_its_mean_is_over_event_times(events, times) -> None:
    log_hazard = torch.randn(events, generator=torch.Generator().manual_seed(0))
    event = torch.ones(events, dtype=torch.bool)
    time = (torch.arange(events) % times + 1).float()
    theirs = neg_partial_log_likelihood(log_hazard, event, time, reduction="mean")
    ours = cox_neg_log_likelihood(log_hazard=log_hazard, event=event, time=time)
    assert (theirs / ours).item() == pytest.approx(events / times, rel=1e-4)


def test_b_the_order_of_rows_decides_who_is_at_risk() -> None:
    log_hazard, time = torch.tensor([0.0, 3.0, 0.0]), torch.tensor([1.0, 1.0, 2.0])
    event = torch.tensor([True, False, True])
    sums = [
        neg_partial_log_likelihood(log_hazard[p], event[p], time[p], reduction="sum").item()
        for p in map(list, permutations(range(3)))
    ]
    right, wrong = math.log(2 + math.exp(3)), math.log(2)
    assert sorted(sums) == pytest.approx([wrong] * 3 + [right] * 3, rel=1e-5)


def test_b_one_batch_of_twelve_in_five_is_wrong_and_then_too_small() -> None:
    random = torch.Generator().manual_seed(0)
    errors = []
    for _ in range(500):
        time = torch.randint(1, 60, (12,), generator=random).float()
        event = torch.rand(12, generator=random) < 0.3
        log_hazard = torch.randn(12, generator=random)
        if not event.any() or len(time[event].unique()) < event.sum():
            continue  # no event, or tied events: those take another branch
        theirs = neg_partial_log_likelihood(log_hazard, event, time, reduction="sum") / event.sum()
        ours = cox_neg_log_likelihood(log_hazard=log_hazard, event=event, time=time)
        errors.append(((theirs - ours) / ours).item())
    wrong = [error for error in errors if abs(error) > 1e-4]
    assert len(errors) > 400
    assert 0.15 < len(wrong) / len(errors) < 0.25
    assert max(wrong) < 0
    assert min(wrong) < -0.3


@pytest.mark.parametrize(("ties", "shifted"), [("efron", math.nan), ("breslow", math.inf)])
def test_c_it_overflows_where_events_tie(ties, shifted) -> None:
    log_hazard = torch.tensor([0.0, 1.0, 2.0, -1.0])
    event = torch.tensor([True, True, False, True])
    time = torch.tensor([1.0, 1.0, 2.0, 3.0])
    there = neg_partial_log_likelihood(log_hazard + 90, event, time, ties_method=ties)
    assert there.item() == pytest.approx(shifted, nan_ok=True)
    spread = torch.tensor([0.0, -110.0, -110.0, -110.0])
    time = torch.tensor([1.0, 2.0, 2.0, 3.0])
    below = neg_partial_log_likelihood(spread, spread < 0, time, ties_method=ties)
    assert below.item() == -math.inf
    ours = cox_neg_log_likelihood(log_hazard=spread, event=spread < 0, time=time, ties=ties)
    assert torch.isfinite(ours)


def test_c_efron_is_silently_zero_before_it_is_nan() -> None:
    log_hazard = torch.tensor([88.0, 89.0, 90.0, 87.0])
    event = torch.tensor([True, True, False, True])
    time = torch.tensor([1.0, 1.0, 2.0, 3.0])
    assert neg_partial_log_likelihood(log_hazard, event, time).item() == 0
    ours = cox_neg_log_likelihood(log_hazard=log_hazard, event=event, time=time)
    there = cox_neg_log_likelihood(log_hazard=log_hazard - 88, event=event, time=time)
    assert ours.item() == pytest.approx(there.item(), rel=1e-5)
    assert ours.item() > 1


def test_edges_without_an_event_the_network_is_cut_off() -> None:
    weight = torch.tensor(1.0, requires_grad=True)
    loss = neg_partial_log_likelihood(
        weight * torch.arange(4.0), torch.zeros(4, dtype=torch.bool), torch.arange(1.0, 5.0)
    )
    loss.backward()
    assert loss.item() == 0
    assert weight.grad is None


def test_edges_one_patient_is_refused_and_double_precision_lost() -> None:
    one = torch.ones(1)
    with pytest.raises(TypeError, match="0-d tensor"):
        neg_partial_log_likelihood(one, one.bool(), one)
    two = torch.tensor([1.0, 2.0], dtype=torch.float64)
    assert neg_partial_log_likelihood(two, two.bool(), two).dtype == torch.float32

from __future__ import annotations

import math
import warnings

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torchsurv.loss.cox import neg_partial_log_likelihood

from mmsurv.losses import compares, cox_neg_log_likelihood

TIES = ("efron", "breslow")


def tensors(cohort, dtype=torch.float64) -> dict[str, torch.Tensor]:
    return {
        "log_hazard": torch.tensor(cohort.log_hazard, dtype=dtype),
        "event": torch.tensor(cohort.event),
        "time": torch.tensor(cohort.time, dtype=dtype),
    }


def by_definition(log_hazard, event, time, ties, counted=None) -> float:
    """Equation 2, patient by patient, in the words of the textbook."""
    risk = np.exp(np.asarray(log_hazard, dtype=np.float64))
    total, events = 0.0, 0
    for t in np.unique(time[event]):
        dying = np.flatnonzero(event & (time == t))
        at_risk = risk[time >= t].sum()
        for rank, i in enumerate(dying):
            share = rank / len(dying) if ties == "efron" else 0.0
            if counted is None or counted[i]:
                total += log_hazard[i] - math.log(at_risk - share * risk[dying].sum())
                events += 1
    return -total / max(events, 1)


small = st.integers(1, 12).flatmap(
    lambda n: st.tuples(
        st.lists(st.floats(-5, 5), min_size=n, max_size=n),
        st.lists(st.booleans(), min_size=n, max_size=n),
        st.lists(st.integers(1, 4), min_size=n, max_size=n),
    )
)


@pytest.mark.parametrize("ties", TIES)
@given(data=small)
def test_equals_the_definition_under_every_tie_pattern(ties, data) -> None:
    log_hazard, event, time = (np.array(column) for column in data)
    loss = cox_neg_log_likelihood(
        log_hazard=torch.tensor(log_hazard, dtype=torch.float64),
        event=torch.tensor(event),
        time=torch.tensor(time, dtype=torch.float64),
        ties=ties,
    )
    assert loss.item() == pytest.approx(by_definition(log_hazard, event, time, ties), abs=1e-12)


@pytest.mark.parametrize("case", ["efron", "breslow", "untied"])
def test_value_and_gradient_equal_those_of_r(case, golden, golden_table) -> None:
    log_hazard = torch.tensor(golden_table["log_hazard"].to_numpy(), requires_grad=True)
    event = torch.tensor(golden_table["event"].to_numpy() == 1)
    time = golden_table["untied" if case == "untied" else "time"].to_numpy(dtype=float)
    loss = cox_neg_log_likelihood(
        log_hazard=log_hazard,
        event=event,
        time=torch.tensor(time),
        ties="breslow" if case == "breslow" else "efron",
    )
    loss.backward()
    events = int(event.sum())
    assert -loss.item() * events == pytest.approx(golden["cox"][case]["log_likelihood"], rel=1e-12)
    assert log_hazard.grad is not None
    np.testing.assert_allclose(
        -log_hazard.grad.numpy() * events, golden["cox"][case]["martingale"], atol=1e-9
    )


@pytest.mark.parametrize("ties", TIES)
def test_torchsurv_agrees_on_the_sum_where_events_tie(ties, make_cohort) -> None:
    cohort = make_cohort(3, n=80, times=15)
    ours = cox_neg_log_likelihood(**tensors(cohort), ties=ties) * cohort.event.sum()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Ties in", UserWarning)
        theirs = neg_partial_log_likelihood(
            *tensors(cohort).values(), ties_method=ties, reduction="sum"
        )
    assert ours.item() == pytest.approx(theirs.item(), rel=1e-5)


@pytest.mark.parametrize("ties", TIES)
def test_gradcheck(ties, make_cohort) -> None:
    data = tensors(make_cohort(1, n=14, times=4, events=0.7))
    log_hazard = data.pop("log_hazard").requires_grad_()
    assert torch.autograd.gradcheck(
        lambda x: cox_neg_log_likelihood(log_hazard=x, **data, ties=ties), (log_hazard,)
    )


@pytest.mark.parametrize("ties", TIES)
@pytest.mark.parametrize("shift", [-1000.0, 1000.0])
def test_the_origin_of_log_hazards_is_free_and_nothing_overflows(ties, shift, make_cohort) -> None:
    data = tensors(make_cohort(2))
    here = cox_neg_log_likelihood(**data, ties=ties)
    data["log_hazard"] = (data["log_hazard"] + shift).requires_grad_()
    there = cox_neg_log_likelihood(**data, ties=ties)
    there.backward()
    assert there.item() == pytest.approx(here.item(), abs=1e-9)
    assert torch.isfinite(data["log_hazard"].grad).all()


@pytest.mark.parametrize("ties", TIES)
def test_a_spread_of_hundreds_is_finite_in_float32(ties) -> None:
    log_hazard = torch.tensor([0.0, -300.0, 300.0, -300.0], requires_grad=True)
    event = torch.tensor([True, True, False, True])
    loss = cox_neg_log_likelihood(
        log_hazard=log_hazard, event=event, time=torch.tensor([1.0, 2.0, 3.0, 2.0]), ties=ties
    )
    loss.backward()
    assert loss.item() == pytest.approx((300 + 600 + 600) / 3, rel=1e-6)
    assert torch.isfinite(log_hazard.grad).all()


@pytest.mark.parametrize("ties", TIES)
def test_permuting_patients_or_stretching_time_changes_nothing(ties, make_cohort) -> None:
    data = tensors(make_cohort(4))
    loss = cox_neg_log_likelihood(**data, ties=ties)
    order = torch.randperm(len(data["time"]), generator=torch.Generator().manual_seed(0))
    shuffled = {name: column[order] for name, column in data.items()}
    shuffled["time"] = shuffled["time"].pow(3) + 7
    assert cox_neg_log_likelihood(**shuffled, ties=ties).item() == pytest.approx(
        loss.item(), rel=1e-13
    )


def test_swapping_the_times_of_two_patients_changes_the_loss(make_cohort) -> None:
    data = tensors(make_cohort(5, times=1000))
    loss = cox_neg_log_likelihood(**data)
    first = int(data["time"].where(data["event"], torch.inf).argmin())
    last = int(data["time"].argmax())
    data["time"][[first, last]] = data["time"][[last, first]]
    assert cox_neg_log_likelihood(**data).item() != pytest.approx(loss.item(), rel=1e-6)


@pytest.mark.parametrize("order", [[0, 1, 2], [1, 0, 2], [2, 0, 1], [1, 2, 0]])
def test_a_patient_censored_at_an_event_time_is_at_risk_in_any_row_order(order) -> None:
    loss = cox_neg_log_likelihood(
        log_hazard=torch.tensor([0.0, 3.0, 0.0])[order],
        event=torch.tensor([True, False, True])[order],
        time=torch.tensor([1.0, 1.0, 2.0])[order],
    )
    assert loss.item() == pytest.approx(math.log(2 + math.exp(3)) / 2, rel=1e-6)


@pytest.mark.parametrize("ties", TIES)
@pytest.mark.parametrize("n", [0, 1, 12])
def test_without_an_event_loss_and_gradient_are_zero_and_connected(ties, n) -> None:
    weight = torch.tensor(2.0, requires_grad=True)
    loss = cox_neg_log_likelihood(
        log_hazard=weight * torch.arange(float(n)),
        event=torch.zeros(n, dtype=torch.bool),
        time=torch.arange(float(n)) + 1,
        ties=ties,
    )
    loss.backward()
    assert loss.item() == 0
    assert weight.grad is not None
    assert weight.grad.item() == 0


@pytest.mark.parametrize("ties", TIES)
def test_one_patient_with_an_event_has_no_loss(ties) -> None:
    log_hazard = torch.tensor([5.0], requires_grad=True)
    loss = cox_neg_log_likelihood(
        log_hazard=log_hazard, event=torch.tensor([True]), time=torch.tensor([1.0]), ties=ties
    )
    loss.backward()
    assert loss.item() == 0
    assert log_hazard.grad.item() == 0


@pytest.mark.parametrize("ties", TIES)
def test_patients_who_are_not_counted_only_stand_in_risk_sets(ties, make_cohort) -> None:
    cohort = make_cohort(6, n=40, times=8, events=0.6)
    counted = np.arange(40) % 3 == 0
    loss = cox_neg_log_likelihood(**tensors(cohort), ties=ties, counted=torch.tensor(counted))
    if ties == "breslow":
        expected = by_definition(*cohort, ties, counted)
        assert loss.item() == pytest.approx(expected, rel=1e-12)
    # Whoever is counted, the parts add up to the whole: a batch is a part of its cohort.
    rest = cox_neg_log_likelihood(**tensors(cohort), ties=ties, counted=torch.tensor(~counted))
    whole = cox_neg_log_likelihood(**tensors(cohort), ties=ties)
    events, of_rest = (cohort.event & counted).sum(), (cohort.event & ~counted).sum()
    total = loss.item() * events + rest.item() * of_rest
    assert total == pytest.approx(whole.item() * cohort.event.sum(), rel=1e-12)


def test_half_precision_is_raised(make_cohort) -> None:
    data = tensors(make_cohort(7), torch.float32)
    exact = cox_neg_log_likelihood(**data)
    data["log_hazard"] = data["log_hazard"].bfloat16()
    loss = cox_neg_log_likelihood(**data)
    assert loss.dtype == torch.float32
    assert loss.item() == pytest.approx(exact.item(), rel=1e-2)


def test_wrong_arguments_are_named() -> None:
    one, two = torch.ones(1), torch.ones(2)
    with pytest.raises(ValueError, match=r"one shape, got \(2,\), \(1,\), \(2,\)"):
        cox_neg_log_likelihood(log_hazard=two, event=one.bool(), time=two)
    with pytest.raises(ValueError, match=r"ties='exact': use 'efron' or 'breslow'"):
        cox_neg_log_likelihood(log_hazard=one, event=one.bool(), time=one, ties="exact")  # type: ignore[arg-type]


@pytest.mark.parametrize("ties", ["efron", "breslow"])
@given(st.lists(st.tuples(st.booleans(), st.integers(1, 3)), max_size=5), st.integers(0, 99))
def test_there_is_a_gradient_where_an_event_has_company(ties, patients, seed) -> None:
    random = torch.Generator().manual_seed(seed)
    eta = torch.randn(len(patients), generator=random, dtype=torch.float64, requires_grad=True)
    event = torch.tensor([dies for dies, _ in patients], dtype=torch.bool)
    time = torch.tensor([float(at) for _, at in patients])
    loss = cox_neg_log_likelihood(log_hazard=eta, event=event, time=time, ties=ties)
    (gradient,) = torch.autograd.grad(loss, eta)
    assert bool((gradient.abs() > 1e-12).any()) == compares(event=event, time=time)

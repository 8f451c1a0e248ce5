from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from mmsurv.losses import discrete_neg_log_likelihood, event_time_edges, time_bin

EDGES = torch.tensor([3.0, 6.0, 9.0], dtype=torch.float64)
BASELINE = torch.tensor([-2.0, -1.5, -1.0, -0.5], dtype=torch.float64)


def tensors(cohort) -> dict[str, torch.Tensor]:
    return {
        "log_hazard": torch.tensor(cohort.log_hazard),
        "event": torch.tensor(cohort.event),
        "time": torch.tensor(cohort.time),
    }


def test_equals_the_definition(make_cohort) -> None:
    cohort = make_cohort(0, n=60, times=12)
    total = 0.0
    for eta, event, time in zip(*cohort, strict=True):
        hazard = 1 - np.exp(-np.exp(BASELINE.numpy() + eta))
        own = int((EDGES.numpy() <= time).sum())
        alive = np.prod(1 - hazard[:own])
        total += math.log(alive * (hazard[own] if event else 1 - hazard[own]))
    loss = discrete_neg_log_likelihood(**tensors(cohort), edges=EDGES, baseline=BASELINE)
    assert loss.item() == pytest.approx(-total / 60, rel=1e-12)


def test_probabilities_of_all_outcomes_sum_to_one() -> None:
    times = torch.tensor([1.0, 4.0, 7.0, 10.0, 10.0], dtype=torch.float64)
    event = torch.tensor([True, True, True, True, False])  # the last one outlives the last bin
    likelihood = [
        discrete_neg_log_likelihood(
            log_hazard=torch.tensor([0.7], dtype=torch.float64),
            event=event[i : i + 1],
            time=times[i : i + 1],
            edges=EDGES,
            baseline=BASELINE,
        )
        .neg()
        .exp()
        .item()
        for i in range(5)
    ]
    assert sum(likelihood) == pytest.approx(1.0, rel=1e-12)


def test_gradcheck(make_cohort) -> None:
    data = tensors(make_cohort(1, n=10, times=12))
    log_hazard = (data.pop("log_hazard") * 6).requires_grad_()  # both branches of log(1 - S)
    baseline = BASELINE.clone().requires_grad_()
    assert torch.autograd.gradcheck(
        lambda x, a: discrete_neg_log_likelihood(log_hazard=x, **data, edges=EDGES, baseline=a),
        (log_hazard, baseline),
    )


@pytest.mark.parametrize("event", [True, False])
@pytest.mark.parametrize("log_hazard", [-500.0, -87.0, -9.0, -8.0, 0.0, 4.0, 90.0, 1000.0])
def test_loss_and_gradient_are_finite_at_any_log_hazard(log_hazard, event) -> None:
    eta = torch.tensor([log_hazard], requires_grad=True)
    loss = discrete_neg_log_likelihood(
        log_hazard=eta,
        event=torch.tensor([event]),
        time=torch.tensor([7.0]),
        edges=EDGES.float(),
        baseline=torch.zeros(4),
    )
    loss.backward()
    assert torch.isfinite(loss)
    assert torch.isfinite(eta.grad).all()
    # The way back is never lost: an event pulls a low log hazard up, survival a high one down.
    if (event and log_hazard < -1) or (not event and log_hazard > -20):
        assert eta.grad.item() * (1 if not event else -1) > 0


def test_a_rare_event_costs_its_log_hazard_to_the_last_digit() -> None:
    for x in (-7.999, -8.001, -30.0, -200.0):
        loss = discrete_neg_log_likelihood(
            log_hazard=torch.tensor([x], dtype=torch.float64),
            event=torch.tensor([True]),
            time=torch.tensor([1.0], dtype=torch.float64),
            edges=torch.zeros(0, dtype=torch.float64),
            baseline=torch.zeros(1, dtype=torch.float64),
        )
        assert loss.item() == pytest.approx(-math.log(-math.expm1(-math.exp(x))), rel=1e-12)


def test_the_right_log_hazards_fit_better_than_none_and_none_better_than_wrong_ones(
    make_cohort,
) -> None:
    data = tensors(make_cohort(2, n=300, times=10))
    signal = -torch.log(data["time"])
    edges = torch.arange(2.0, 11.0, dtype=torch.float64)

    def fitted(log_hazard: torch.Tensor) -> float:
        baseline = torch.full((10,), -2.0, dtype=torch.float64, requires_grad=True)
        optimiser = torch.optim.LBFGS([baseline], max_iter=50)

        def closure() -> torch.Tensor:
            optimiser.zero_grad()
            loss = discrete_neg_log_likelihood(
                log_hazard=log_hazard,
                event=data["event"],
                time=data["time"],
                edges=edges,
                baseline=baseline,
            )
            loss.backward()
            return loss

        optimiser.step(closure)
        return closure().item()

    assert fitted(signal) < fitted(torch.zeros_like(signal)) < fitted(-signal)


def test_no_patient_is_a_connected_zero() -> None:
    eta = torch.zeros(0, requires_grad=True)
    loss = discrete_neg_log_likelihood(
        log_hazard=eta,
        event=torch.zeros(0, dtype=torch.bool),
        time=torch.zeros(0),
        edges=EDGES,
        baseline=BASELINE,
    )
    loss.backward()
    assert loss.item() == 0


def test_bins_are_closed_at_their_start() -> None:
    assert time_bin(torch.tensor([2.9, 3.0, 8.9, 9.0, 99.0]), EDGES).tolist() == [0, 1, 2, 3, 3]


def test_edges_share_out_the_events(make_cohort) -> None:
    cohort = make_cohort(3, n=400, times=1000)
    event, time = torch.tensor(cohort.event), torch.tensor(cohort.time)
    edges = event_time_edges(event=event, time=time, bins=5)
    counts = torch.bincount(time_bin(time[event], edges))
    assert len(edges) == 4
    assert counts.max() - counts.min() <= 2
    censored_later = time.where(event, time + 5000)
    assert torch.equal(event_time_edges(event=event, time=censored_later, bins=5), edges)


def test_equal_quantiles_are_merged() -> None:
    edges = event_time_edges(
        event=torch.ones(9, dtype=torch.bool), time=torch.tensor([1.0] * 8 + [2.0]), bins=4
    )
    assert edges.tolist() == [1.0]


def test_wrong_arguments_are_named() -> None:
    one, yes = torch.ones(1), torch.ones(1, dtype=torch.bool)
    with pytest.raises(ValueError, match="3 edges make 4 bins, got 2 baseline numbers"):
        discrete_neg_log_likelihood(
            log_hazard=one, event=yes, time=one, edges=EDGES, baseline=torch.zeros(2)
        )
    with pytest.raises(ValueError, match="one shape"):
        discrete_neg_log_likelihood(
            log_hazard=torch.ones(2), event=yes, time=one, edges=EDGES, baseline=BASELINE
        )
    with pytest.raises(ValueError, match="at least one event"):
        event_time_edges(event=~yes, time=one, bins=2)
    with pytest.raises(ValueError, match="bins=0: at least 1"):
        event_time_edges(event=yes, time=one, bins=0)

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch
from lifelines import CoxPHFitter

from mmsurv.linear import fit_ridge_cox


def _cohort(seed: int, n: int = 90, times: int = 40) -> tuple[torch.Tensor, ...]:
    random = np.random.default_rng(seed)
    x = random.normal(size=(n, 3))
    x = (x - x.mean(0)) / x.std(0, ddof=1)  # the scale on which lifelines penalises
    time = np.ceil(times * random.exponential(size=n) / np.exp(x @ [0.8, -0.5, 0.0]))
    event = random.random(n) < 0.6
    return torch.tensor(x), torch.tensor(event), torch.tensor(time)


# lifelines 0.30 calls pandas 3 in ways that pandas 4 will refuse.
@pytest.mark.filterwarnings("ignore::pandas.errors.Pandas4Warning")
@pytest.mark.parametrize("penalty", [0.01, 0.3])
@pytest.mark.parametrize("times", [5, 400])
def test_weights_equal_those_of_lifelines(penalty, times) -> None:
    covariates, event, time = _cohort(0, times=times)
    weights = fit_ridge_cox(covariates=covariates, event=event, time=time, penalty=penalty)
    table = pd.DataFrame(covariates.numpy()).assign(t=time.numpy(), e=event.numpy())
    # Ours divides the likelihood by the events, lifelines by the patients.
    fitter = CoxPHFitter(penalizer=penalty * float(event.double().mean()))
    fitter.fit(table, "t", "e", fit_options={"precision": 1e-10})
    torch.testing.assert_close(
        weights, torch.tensor(fitter.params_.to_numpy()), atol=1e-5, rtol=1e-4
    )


def test_breslow_differs_from_efron_only_under_ties() -> None:
    x, event, time = _cohort(1, times=3)
    both = [
        fit_ridge_cox(covariates=x, event=event, time=time, ties=t) for t in ("efron", "breslow")
    ]
    assert (both[0] - both[1]).abs().max() > 1e-3
    apart = time + torch.arange(len(time)) * 1e-3
    both = [
        fit_ridge_cox(covariates=x, event=event, time=apart, ties=t) for t in ("efron", "breslow")
    ]
    torch.testing.assert_close(both[0], both[1])


def test_no_event_gives_zeros() -> None:
    x, event, time = _cohort(2)
    weights = fit_ridge_cox(covariates=x, event=torch.zeros_like(event), time=time)
    assert weights.tolist() == [0.0, 0.0, 0.0]


def test_separable_patients_have_finite_weights_and_no_unit_matters() -> None:
    x = torch.linspace(-1, 1, 20)[:, None]
    event, time = torch.ones(20, dtype=torch.bool), torch.arange(20, 0, -1)
    days = fit_ridge_cox(covariates=x, event=event, time=time.float())
    years = fit_ridge_cox(covariates=x, event=event, time=time / 365.25)
    assert 1 < days.item() < 1000
    torch.testing.assert_close(days, years)
    looser = fit_ridge_cox(covariates=x, event=event, time=time.float(), penalty=0.001)
    assert looser > days


def test_it_fits_where_gradients_are_off() -> None:
    x, event, time = _cohort(3)
    with torch.no_grad():
        weights = fit_ridge_cox(covariates=x, event=event, time=time)
    assert weights.dtype == torch.float64
    assert not weights.requires_grad
    assert weights[0] > 0 > weights[1]

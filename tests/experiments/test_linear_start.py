from __future__ import annotations

import pytest
import torch

from experiments.linear_start import linear_start
from mmsurv.linear import fit_ridge_cox


def _patients(n: int = 300, seed: int = 0) -> dict[str, torch.Tensor]:
    random = torch.Generator().manual_seed(seed)
    covariates = torch.randn(n, 3, generator=random)
    expression = torch.randn(n, 20, generator=random)
    risk = covariates[:, 0] + expression[:, 0] - expression[:, 1]
    time = torch.empty(n).exponential_(generator=random) / risk.exp()
    event = torch.rand(n, generator=random) < 0.5
    return {"covariates": covariates, "expression": expression, "event": event, "time": time}


def test_clinical_and_genes_count_alike_on_the_scale_of_a_hazard() -> None:
    of = _patients()
    start = linear_start(**of, ties="efron", seed=0)
    parts = (of["covariates"] @ start.clinical, of["expression"] @ start.genes)
    assert float(parts[0].std()) == pytest.approx(float(parts[1].std()), rel=1e-4)
    again = fit_ridge_cox(
        covariates=(parts[0] + parts[1])[:, None], event=of["event"], time=of["time"], penalty=1e-4
    )
    assert float(again) == pytest.approx(1.0, abs=1e-2)
    assert start.genes[0] > 0 > start.genes[1]
    assert abs(float(start.genes[0])) > 2 * float(start.genes[2:].abs().max())


def test_alone_each_is_its_own_regression() -> None:
    of = _patients()
    clinical = linear_start(**of | {"expression": None}, ties="efron", seed=0)
    known = fit_ridge_cox(covariates=of["covariates"], event=of["event"], time=of["time"])
    assert clinical.genes is None
    torch.testing.assert_close(clinical.clinical, known.float())
    genes = linear_start(**of | {"covariates": None}, ties="efron", seed=0)
    assert genes.clinical is None
    assert float(genes.genes.abs().max()) > 0


def test_too_few_events_start_the_genes_at_nothing() -> None:
    of = _patients()
    of["event"] = torch.zeros(300, dtype=torch.bool)
    of["event"][:2] = True
    start = linear_start(**of, ties="efron", seed=0)
    assert not start.genes.any()
    assert start.clinical.any()


def test_it_is_a_function_of_the_seed() -> None:
    one, two = (linear_start(**_patients(), ties="breslow", seed=3) for _ in range(2))
    assert one.genes.equal(two.genes)
    assert one.clinical.equal(two.clinical)

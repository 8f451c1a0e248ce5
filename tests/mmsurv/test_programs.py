from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.decomposition import PCA

from mmsurv.programs import reconstruction_programs


def expression(patients: int = 40, genes: int = 7, seed: int = 0) -> torch.Tensor:
    random = torch.Generator().manual_seed(seed)
    mixed = torch.randn(patients, genes, generator=random) @ torch.randn(
        genes, genes, generator=random
    )
    return mixed - 3.0


@pytest.mark.parametrize("programs", [1, 3, 7])
def test_programs_are_principal_components_of_unit_variance(programs) -> None:
    x = expression()
    found = reconstruction_programs(x, programs)
    reference = PCA(programs, whiten=True, svd_solver="full").fit(x.numpy())
    weights = reference.components_ / np.sqrt(reference.explained_variance_)[:, None]
    assert found.abs().numpy() == pytest.approx(np.abs(weights), rel=1e-4)
    activity = (x - x.mean(0)) @ found.T
    assert activity.std(0).numpy() == pytest.approx(np.ones(programs), abs=1e-4)


def test_no_linear_map_rebuilds_better() -> None:
    """A linear autoencoder, trained, comes near and never below."""
    x = expression() - expression().mean(0)

    def error(programs: torch.Tensor) -> torch.Tensor:
        back = torch.linalg.lstsq(x @ programs.T, x).solution
        return (x - x @ programs.T @ back).square().mean()

    least = error(reconstruction_programs(x, 2))
    torch.manual_seed(0)
    down, up = torch.randn(2, 7, requires_grad=True), torch.randn(2, 7, requires_grad=True)
    optimiser = torch.optim.Adam([down, up], lr=0.02)
    for _ in range(2000):
        optimiser.zero_grad()
        loss = (x - x @ down.T @ up).square().mean()
        loss.backward()
        optimiser.step()
    assert error(down.detach()) >= least * (1 - 1e-5)
    assert error(down.detach()) == pytest.approx(float(least), rel=0.01)


def test_signs_do_not_depend_on_the_order_of_patients() -> None:
    x = expression()
    torch.testing.assert_close(
        reconstruction_programs(x, 3), reconstruction_programs(x.flip(0), 3), rtol=1e-4, atol=1e-5
    )


@pytest.mark.parametrize(
    ("x", "wanted", "found"),
    [
        (torch.randn(3, 7, generator=torch.Generator().manual_seed(0)), 5, 2),
        (expression()[:, :1].expand(-1, 4), 3, 1),
        (torch.ones(5, 4), 2, 0),
        (torch.ones(1, 4), 2, 0),
        (torch.ones(0, 4), 2, 0),
    ],
)
def test_there_are_no_more_programs_than_dimensions(x, wanted, found) -> None:
    programs = reconstruction_programs(x, wanted)
    assert programs.shape == (found, x.shape[1])
    assert torch.isfinite(programs).all()

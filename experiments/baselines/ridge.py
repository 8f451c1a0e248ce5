"""Ridge Cox regression by Newton's method, the penalty chosen within the training patients."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int

from experiments.baselines.model import NotFittedError, Predicted, Sample
from experiments.baselines.tuning import cross_validated_likelihood

Array = np.ndarray

# Of the mean log likelihood per event; from next to none to weights of next to nothing.
PENALTIES = np.logspace(2, -3, 11)
STEPS = 60
CONVERGED = 1e-9


def fit(sample: Sample, held_out: Float[Array, "m p"]) -> Predicted:
    """Ridge Cox regression with the penalty of the highest cross-validated likelihood."""
    weights, penalty = chosen_weights(sample)
    return Predicted(sample.x @ weights, held_out @ weights, {"penalty": penalty})


def chosen_weights(sample: Sample) -> tuple[Float[Array, " p"], float]:
    """Weights under the penalty of the highest cross-validated likelihood, and that penalty.

    Raises:
        NotFittedError: Too few events to choose, or no convergence.
    """
    likelihood = cross_validated_likelihood(sample, ridge_path)
    best = int(likelihood.argmax())
    return ridge_path(sample, PENALTIES[: best + 1])[:, -1], float(PENALTIES[best])


def ridge_path(sample: Sample, penalties: Float[Array, " L"] = PENALTIES) -> Float[Array, "p L"]:
    r"""Weights of the ridge Cox model for each penalty, each start being the answer before.

    .. math:: \hat w = \arg\min_w -\tfrac1D \ell(Xw) + \tfrac{\lambda}{2} \lVert w \rVert^2

    with Breslow's log partial likelihood and D events. The weights are a combination of the rows of
    X, so with more columns than patients the problem is solved in the coordinates of the rows.

    Args:
        sample: Training patients, at least one event.
        penalties: lambda, strictly positive, best in falling order.

    Raises:
        NotFittedError: Newton's steps do not come to an end.
    """
    x = sample.x
    rotation: Array | None = None
    if x.shape[1] > x.shape[0]:
        left, size, rotation = np.linalg.svd(x, full_matrices=False)
        x = left * size
    risk = _at_risk(sample.event, sample.time)
    ordered = x[risk.order]
    weights = np.zeros(x.shape[1])
    columns = []
    for penalty in penalties:
        weights = _newton(ordered, risk, weights, float(penalty))
        columns.append(weights)
    path = np.stack(columns, axis=1)
    return path if rotation is None else rotation.T @ path


class _AtRisk(NamedTuple):
    """Patients in falling order of time, and where those of the same time start and end."""

    order: Int[Array, " n"]
    event: Bool[Array, " n"]
    first: Int[Array, " n"]
    last: Int[Array, " n"]


def _at_risk(event: Bool[Array, " n"], time: Float[Array, " n"]) -> _AtRisk:
    order = np.argsort(-time, kind="stable")
    falling = -time[order]
    return _AtRisk(
        order,
        event[order],
        np.searchsorted(falling, falling, side="left"),
        np.searchsorted(falling, falling, side="right") - 1,
    )


def _newton(
    x: Float[Array, "n p"], risk: _AtRisk, start: Float[Array, " p"], penalty: float
) -> Float[Array, " p"]:
    weights, value = start, _objective(x, risk, start, penalty)
    for _ in range(STEPS):
        gradient, curvature = _derivatives(x, risk, weights, penalty)
        step = np.linalg.solve(curvature, gradient)
        if float(gradient @ step) < CONVERGED:
            return weights - step
        length = 1.0
        while (found := _objective(x, risk, weights - length * step, penalty)) > value:
            length /= 2
            if length < 1e-6:  # rounding: no step downhill is left
                return weights
        weights, value = weights - length * step, found
    raise NotFittedError(f"ridge Cox regression did not converge at penalty {penalty:g}")


def _objective(
    x: Float[Array, "n p"], risk: _AtRisk, weights: Float[Array, " p"], penalty: float
) -> float:
    eta = x @ weights
    log_at_risk = np.logaddexp.accumulate(eta)[risk.last]
    likelihood = (eta - log_at_risk)[risk.event].mean()
    return float(-likelihood + 0.5 * penalty * weights @ weights)


def _derivatives(
    x: Float[Array, "n p"], risk: _AtRisk, weights: Float[Array, " p"], penalty: float
) -> tuple[Float[Array, " p"], Float[Array, "p p"]]:
    """Gradient and Hessian: of each event, mean and variance of the columns over its risk set."""
    eta = x @ weights
    hazard = np.exp(eta - eta.max())
    at_risk = np.cumsum(hazard)[risk.last]
    mean = np.cumsum(hazard[:, None] * x, axis=0)[risk.last] / at_risk[:, None]
    # A patient counts in the risk sets of all events up to its own time.
    steps = np.where(risk.event, 1 / at_risk, 0.0)
    share = hazard * np.cumsum(steps[::-1])[::-1][risk.first]
    events = int(risk.event.sum())
    gradient = x.T @ (share - risk.event) / events + penalty * weights
    of_events = mean[risk.event]
    curvature = ((x * share[:, None]).T @ x - of_events.T @ of_events) / events
    curvature[np.diag_indices_from(curvature)] += penalty
    return gradient, curvature

"""Elastic-net Cox regression: a penalty that also leaves columns out."""

from __future__ import annotations

import warnings

import numpy as np
from jaxtyping import Float

from experiments.baselines.model import NotFittedError, Predicted, Sample
from experiments.baselines.tuning import cross_validated_likelihood

Array = np.ndarray

L1_SHARE = 0.5
PENALTIES = 40
SMALLEST = 0.01


def fit(sample: Sample, held_out: Float[Array, "m p"]) -> Predicted:
    r"""scikit-survival's Coxnet with equal shares of :math:`\ell_1` and :math:`\ell_2`.

    The path of penalties starts where the first column enters; the one of the highest
    cross-validated likelihood is taken.

    Raises:
        NotFittedError: The path does not converge.

    Source: Simon et al., Regularization paths for Cox's proportional hazards model via coordinate
    descent, 2011, doi:10.18637/jss.v039.i05.
    """
    penalties, weights = _path(sample, None)
    likelihood = cross_validated_likelihood(sample, lambda part: _path(part, penalties)[1])
    best = int(likelihood[: weights.shape[1]].argmax())
    chosen = weights[:, best]
    return Predicted(
        sample.x @ chosen,
        held_out @ chosen,
        {"penalty": float(penalties[best]), "columns": int(np.count_nonzero(chosen))},
    )


def _path(
    sample: Sample, penalties: Float[Array, " L"] | None
) -> tuple[Float[Array, " L"], Float[Array, "p L"]]:
    from sklearn.exceptions import ConvergenceWarning
    from sksurv.linear_model import CoxnetSurvivalAnalysis
    from sksurv.util import Surv

    model = CoxnetSurvivalAnalysis(
        l1_ratio=L1_SHARE, n_alphas=PENALTIES, alpha_min_ratio=SMALLEST, alphas=penalties
    )
    with warnings.catch_warnings():
        warnings.simplefilter("error", ConvergenceWarning)
        try:
            model.fit(sample.x, Surv.from_arrays(sample.event, sample.time))
        except (ArithmeticError, ConvergenceWarning, ValueError) as error:
            raise NotFittedError(f"elastic-net Cox regression: {error}") from error
    return model.alphas_, model.coef_

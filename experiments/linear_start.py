"""Where the linear paths of a network start: at regressions of the training patients."""

from __future__ import annotations

from typing import NamedTuple

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from experiments.baselines.model import NotFittedError, Sample, one_thread
from experiments.baselines.ridge import chosen_weights
from mmsurv.linear import fit_ridge_cox
from mmsurv.names import Ties

# Of the one number that two regressions of the same patients are added up to: next to none.
SCALE_PENALTY = 1e-4


class LinearStart(NamedTuple):
    """Weights in float32; None where a path is not started."""

    clinical: Float[Tensor, " C"] | None
    genes: Float[Tensor, " G"] | None


def linear_start(
    *,
    covariates: Float[Tensor, "n C"] | None,
    expression: Float[Tensor, "n G"] | None,
    event: Bool[Tensor, " n"],
    time: Float[Tensor, " n"],
    ties: Ties,
    seed: int,
) -> LinearStart:
    r"""Cox solutions of clinical variables and of expression, added up to count alike.

    The clinical weights are those of `fit_ridge_cox`. Those of expression have the ridge penalty of
    the highest cross-validated likelihood within these patients. Where there are both, each linear
    predictor is divided by its standard deviation, as in a late fusion, and the sum is brought to
    the scale of a hazard:

    .. math:: \eta = b \left( \frac{X_c w_c}{s_c} + \frac{X_g w_g}{s_g} \right)

    with b from a Cox regression on that sum. With few events this is steadier than one regression
    of all columns, where fifty genes outvote five clinical variables.

    Args:
        covariates: Standardised, of the training patients; None to start nothing there.
        expression: Standardised, 0 where it was not measured; None to start nothing there.
        event: True = it happened.
        time: Positive times in any unit.
        ties: Of the clinical regression and of the scale.
        seed: Of the inner folds that choose the penalty.

    Returns:
        Weights of both paths; those of expression are 0 where too few events choose no penalty.

    Example:
        >>> x, time = torch.tensor([[-1.0], [0.0], [1.0]]), torch.tensor([3.0, 2.0, 1.0])
        >>> start = linear_start(covariates=x, expression=None, time=time, ties="efron", seed=0,
        ...                      event=torch.ones(3, dtype=torch.bool))
        >>> bool(start.clinical[0] > 0), start.genes
        (True, None)
    """
    seen = {"event": event, "time": time, "ties": ties}
    clinical = None if covariates is None else fit_ridge_cox(covariates=covariates, **seen)  # type: ignore[arg-type]
    genes = None if expression is None else _gene_weights(expression, event, time, seed)
    if covariates is not None and expression is not None:
        assert clinical is not None
        assert genes is not None
        parts = (covariates.double() @ clinical, expression.double() @ genes)
        spread = [float(part.std()) for part in parts]
        if min(spread) > 0:
            both = parts[0] / spread[0] + parts[1] / spread[1]
            scale = fit_ridge_cox(covariates=both[:, None], penalty=SCALE_PENALTY, **seen)  # type: ignore[arg-type]
            clinical, genes = clinical * scale / spread[0], genes * scale / spread[1]
    return LinearStart(
        None if clinical is None else clinical.float(), None if genes is None else genes.float()
    )


def _gene_weights(
    expression: Float[Tensor, "n G"],
    event: Bool[Tensor, " n"],
    time: Float[Tensor, " n"],
    seed: int,
) -> Float[Tensor, " G"]:
    sample = Sample(expression.double().numpy(), event.numpy(), time.double().numpy(), seed % 2**32)
    try:
        with one_thread():
            weights, _ = chosen_weights(sample)
    except NotFittedError:
        return torch.zeros(expression.shape[1], dtype=torch.float64)
    return torch.from_numpy(weights)

"""Cox regression as clinicians fit it: no penalty, Efron's ties."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
from jaxtyping import Float

from experiments.baselines.model import NotFittedError, Predicted, Sample

Array = np.ndarray


def fit(sample: Sample, held_out: Float[Array, "m p"]) -> Predicted:
    """Unpenalised Cox regression, from lifelines; columns without spread are left out.

    Raises:
        NotFittedError: Every column is constant, or the likelihood has no maximum.
    """
    from lifelines import CoxPHFitter
    from lifelines.exceptions import ConvergenceError, ConvergenceWarning

    varies = sample.x.min(0) < sample.x.max(0)
    if not varies.any():
        raise NotFittedError("no column varies among the training patients")
    table = pd.DataFrame(sample.x[:, varies]).add_prefix("x")
    table = table.assign(time_days=sample.time, event=sample.event)
    with warnings.catch_warnings():
        warnings.simplefilter("error", ConvergenceWarning)
        # lifelines calls `var` in a way that pandas 4 will refuse.
        warnings.filterwarnings("ignore", "Starting with pandas version 4.0")
        try:
            fitter = CoxPHFitter().fit(table, "time_days", "event")
        except (ConvergenceError, ConvergenceWarning) as error:
            reason = str(error).strip().splitlines()[0]
            raise NotFittedError(f"Cox regression did not converge: {reason}") from error
    weights = np.zeros(len(varies))
    weights[varies] = fitter.params_.to_numpy()
    return Predicted(sample.x @ weights, held_out @ weights, {})

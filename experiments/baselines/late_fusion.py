"""Late fusion: models of one modality each, averaged."""

from __future__ import annotations

from collections.abc import Sequence

from experiments.baselines.model import Predicted
from experiments.scoring import average_members


def fuse(parts: Sequence[Predicted]) -> Predicted:
    """Mean of the standardised log hazards; mean and spread come from the training patients.

    Example:
        >>> import numpy as np
        >>> a = Predicted(np.array([0.0, 2.0]), np.array([2.0]), {})
        >>> b = Predicted(np.array([0.0, 4.0]), np.array([0.0]), {})
        >>> fuse([a, b]).held_out.tolist()
        [0.0]
    """
    training = [part.training for part in parts]
    return Predicted(
        average_members(training, training),
        average_members([part.held_out for part in parts], training),
        {},
    )

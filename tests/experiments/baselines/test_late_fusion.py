from __future__ import annotations

import numpy as np
import pytest

from experiments.baselines.late_fusion import fuse
from experiments.baselines.model import Predicted


def test_no_modality_speaks_louder_for_its_units() -> None:
    rng = np.random.default_rng(0)
    a, b, new_a, new_b = rng.standard_normal((4, 50))
    plain = fuse([Predicted(a, new_a, {}), Predicted(b, new_b, {})])
    loud = fuse([Predicted(a, new_a, {}), Predicted(1000 * b + 7, 1000 * new_b + 7, {})])
    assert np.argsort(loud.held_out).tolist() == np.argsort(plain.held_out).tolist()
    expected = (new_a - a.mean()) / a.std() + (new_b - b.mean()) / b.std()
    assert np.corrcoef(plain.held_out, expected)[0, 1] == pytest.approx(1)


def test_held_out_patients_do_not_set_the_scale() -> None:
    training = np.array([0.0, 1.0, 2.0])
    other = np.array([2.0, 1.0, 0.5])
    alone = fuse([Predicted(training, np.array([3.0]), {}), Predicted(other, np.array([1.0]), {})])
    among = fuse(
        [
            Predicted(training, np.array([3.0, 900.0]), {}),
            Predicted(other, np.array([1.0, -900.0]), {}),
        ]
    )
    assert among.held_out[0] == alone.held_out[0]

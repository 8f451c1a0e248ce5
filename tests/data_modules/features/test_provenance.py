from __future__ import annotations

import math

import pytest

from data_modules.features import Provenance
from data_modules.features.provenance import number


def test_only_what_is_known_is_written() -> None:
    assert Provenance().attributes() == {}
    assert Provenance(encoder="uni", patch_px=256).attributes() == {
        "encoder": "uni",
        "patch_px": 256,
    }


def test_features_of_random_weights_say_so() -> None:
    assert Provenance(random_weights=True).attributes() == {"random_weights": True}


@pytest.mark.parametrize("value", ["None", "x", math.nan, math.inf, -1, 0, "", [1, 2]])
def test_what_is_no_positive_number_is_not_known(value) -> None:
    assert number({"mpp": value}, "mpp") == 0

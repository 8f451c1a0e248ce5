from __future__ import annotations

from data_modules.features.readers import Unreadable
from data_modules.features.readers.opened import nothing_missing


def test_a_file_that_cannot_be_read_is_a_value_error_with_its_reason() -> None:
    assert issubclass(Unreadable, ValueError)
    assert nothing_missing("features") == ""

"""What a command does not use is not imported, and can be used all the same."""

from __future__ import annotations

import subprocess
import sys

from lightning_utilities.core.imports import RequirementCache

from experiments.lean_imports import LeanFinder, install

CHILD = """
import sys
import experiments.cells
early = {"torchvision", "transformers"} & sys.modules.keys()
assert not early, early
import torchmetrics
from torchmetrics.utilities.imports import _SCIPY_AVAILABLE
assert torchmetrics.__spec__.loader.get_filename("torchmetrics") == torchmetrics.__file__
assert _SCIPY_AVAILABLE
from lightning_utilities.core.imports import RequirementCache
assert RequirementCache("torchvision") and RequirementCache("transformers>=4")
import torchvision.transforms
print("fine")
"""


def test_images_and_texts_of_torchmetrics_are_not_imported_by_a_command() -> None:
    done = subprocess.run(
        [sys.executable, "-c", CHILD], capture_output=True, text=True, check=False
    )
    assert done.stdout == "fine\n", done.stderr


def test_no_other_module_is_looked_for() -> None:
    assert LeanFinder().find_spec("torchvision", None) is None


def test_what_was_imported_before_stays_as_it_is() -> None:
    import torchmetrics  # noqa: F401

    before = list(sys.meta_path), RequirementCache._check_available
    install()
    assert (list(sys.meta_path), RequirementCache._check_available) == before

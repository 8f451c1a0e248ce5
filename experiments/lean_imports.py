"""torchmetrics without the libraries for images and texts that it imports where they are installed.

Lightning imports torchmetrics, and that imports torchvision and transformers for metrics that no
command here has: two of the eight seconds in which a command, or any of its processes, starts.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType
from typing import Any

LIBRARY = "torchmetrics"
UNUSED = frozenset({"torchvision", "transformers"})


class LeanFinder(MetaPathFinder):
    """Finds torchmetrics, which then takes the unused libraries for absent while it is imported."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """The usual spec with a loader round its loader; None for every other module."""
        if fullname != LIBRARY:
            return None
        spec = PathFinder.find_spec(fullname, path, target)
        if spec is not None and spec.loader is not None:
            spec.loader = LeanLoader(spec.loader)
        return spec


class LeanLoader(Loader):
    """Loads as the loader it is given, in whose answers about installed libraries some are missing.

    Args:
        loader: The usual one.
    """

    def __init__(self, loader: Loader) -> None:
        self.loader = loader

    def __getattr__(self, name: str) -> Any:
        """What else the usual loader knows, such as the source of the module."""
        return getattr(self.loader, name)

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        """As usual."""
        return self.loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        """Imports the package; afterwards everything can be imported, and is found, as before."""
        from lightning_utilities.core.imports import RequirementCache

        check = RequirementCache._check_available

        def lean(self: Any) -> None:
            name = re.split(r"[^\w.-]", self.requirement or self.module, maxsplit=1)[0]
            if name in UNUSED:
                self.available, self.message = False, f"{name} is not used here"
            else:
                check(self)

        RequirementCache._check_available = lean  # type: ignore[method-assign]
        try:
            self.loader.exec_module(module)
        finally:
            RequirementCache._check_available = check  # type: ignore[method-assign]


def install() -> None:
    """Makes the import of torchmetrics lean, where it has not happened yet."""
    if LIBRARY not in sys.modules:
        sys.meta_path.insert(0, LeanFinder())


# Here and not where it is asked for: whatever of a command is imported first, this is before it.
install()

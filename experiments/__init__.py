"""Commands: flags in, run folders out."""

# Imported for what it does: the import of torchmetrics, by whatever comes next, is a lean one.
from experiments import lean_imports

__all__ = ["lean_imports"]

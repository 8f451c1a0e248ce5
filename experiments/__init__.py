"""Commands: flags in, run folders out."""

from experiments import lean_imports

__all__ = ["lean_imports"]

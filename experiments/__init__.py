"""Commands: flags in, run folders out."""

from experiments import lean_imports

lean_imports.install()

"""Fusions by name: one idea, one class; the name is the value of `--fusion`."""

from mmsurv.models.fusion.base import Fusion, Reduce
from mmsurv.models.fusion.names import FUSIONS

__all__ = ["FUSIONS", "Fusion", "Reduce"]

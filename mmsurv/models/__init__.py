"""Networks: from a batch to one log hazard a patient."""

from mmsurv.models.fusion import FUSIONS
from mmsurv.models.net import SurvivalNet
from mmsurv.models.pooling import POOLINGS

__all__ = ["FUSIONS", "POOLINGS", "SurvivalNet"]

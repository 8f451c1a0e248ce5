"""Networks: from a batch to one log hazard a patient."""

from mmsurv.models.fusion import FUSIONS, FusionName
from mmsurv.models.net import SurvivalNet
from mmsurv.models.pooling import POOLINGS, PoolingName

__all__ = ["FUSIONS", "POOLINGS", "FusionName", "PoolingName", "SurvivalNet"]

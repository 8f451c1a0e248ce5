"""The fusions that `--fusion` knows.

To add one: a file, a word in `mmsurv.names.FusionName`, an entry here.
"""

from __future__ import annotations

from mmsurv.models.fusion.base import Fusion
from mmsurv.models.fusion.concat import Concat
from mmsurv.models.fusion.cross_attention import DualCrossAttention, GeneToImage, ImageToGene
from mmsurv.models.fusion.gated import Gated
from mmsurv.names import FusionName

FUSIONS: dict[FusionName, type[Fusion]] = {
    "dual_xattn": DualCrossAttention,
    "image_to_gene": ImageToGene,
    "gene_to_image": GeneToImage,
    "concat": Concat,
    "gated": Gated,
}

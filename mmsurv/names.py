"""The words that flags accept. Imports nothing heavy, so that `--help` is quick."""

from __future__ import annotations

from typing import Literal

Modality = Literal["image", "genes", "clinical"]
FusionName = Literal["dual_xattn", "image_to_gene", "gene_to_image", "concat", "gated"]
PoolingName = Literal["self_attention", "abmil", "mean", "latent"]
LossName = Literal["cox", "discrete"]
Ties = Literal["efron", "breslow"]
InnerSplit = Literal["fixed", "rotate"]
RiskSet = Literal["batch", "cohort"]
Protocol = Literal["nested", "paper"]
SplitName = Literal["stratified", "site", "leave_one_site_out"]

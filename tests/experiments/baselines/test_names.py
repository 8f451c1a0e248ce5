from __future__ import annotations

from typing import get_args

from experiments.baselines.fold import MODELS
from experiments.baselines.names import UNPENALISED, ModelName, baselines_for


def test_a_model_for_every_modality_for_all_and_for_their_fusion() -> None:
    names = [b.name for b in baselines_for(("image", "genes", "clinical"))]
    assert names[0] == "cox_clinical"
    assert len(names) == len(set(names)) == 16
    for model in ("ridge", "elastic_net", "forest"):
        for sees in ("clinical", "genes", "image", "all", "late_fusion"):
            assert f"{model}_{sees}" in names
    assert [b.name for b in baselines_for(("image",))] == [
        "ridge_image", "elastic_net_image", "forest_image",
    ]  # fmt: skip


def test_every_name_is_a_model() -> None:
    assert set(MODELS) == set(get_args(ModelName))
    assert set(UNPENALISED) < set(MODELS)

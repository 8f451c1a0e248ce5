"""Names of the classical models. Imports nothing heavy, so that --help is quick."""

from __future__ import annotations

from collections.abc import Collection
from typing import Literal, NamedTuple, get_args

ModelName = Literal["cox", "ridge", "elastic_net", "forest"]
# More columns than events leave a regression without a penalty no maximum.
UNPENALISED: tuple[ModelName, ...] = ("cox",)
ORDER = ("clinical", "genes", "image")
ALL = "all"
LATE = "late_fusion"


class Baseline(NamedTuple):
    """A classical model and what it sees.

    Attributes:
        model: Which.
        sees: A modality; "all": their columns side by side; "late_fusion": a model each, averaged.
    """

    model: ModelName
    sees: str

    @property
    def name(self) -> str:
        """Of its file, such as ridge_genes."""
        return f"{self.model}_{self.sees}"


def baselines_for(modalities: Collection[str]) -> list[Baseline]:
    """The classical models beside a network that sees these modalities.

    Example:
        >>> [b.name for b in baselines_for(("clinical",))]
        ['cox_clinical', 'ridge_clinical', 'elastic_net_clinical', 'forest_clinical']
    """
    seen = [modality for modality in ORDER if modality in modalities]
    several = [ALL, LATE] if len(seen) > 1 else []
    return [
        Baseline(model, sees)
        for model in get_args(ModelName)
        for sees in (
            [s for s in seen if s == "clinical"] if model in UNPENALISED else [*seen, *several]
        )
    ]

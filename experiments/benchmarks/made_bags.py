"""Bags for benchmarks: numbers without meaning, in sizes that have one."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor
from torch.utils.data import Dataset

from mmsurv.batch import Patient

GENES_AND_CLINICAL = (50, 5)


class MadeBags(Dataset[Patient]):
    """Patients whose bags are pieces of one table, so that many of them take no memory.

    Args:
        patients: How many.
        patches: Fewest and most of a bag; spread evenly between.
        width: Of a feature.
        most: Patches that are taken of a bag; 0 takes all.
        table: Features that bags are cut from; made where it is not given.

    Example:
        >>> bags = MadeBags(3, (2, 4), 8)
        >>> [len(bags[i].patches) for i in range(3)]
        [2, 3, 4]
    """

    def __init__(
        self,
        patients: int,
        patches: tuple[int, int],
        width: int,
        *,
        most: int = 0,
        table: Float[Tensor, "rows d"] | None = None,
    ) -> None:
        self.width = width
        self.counts = torch.linspace(*patches, patients).round().long().tolist()
        # In an order that mixes small and large, the same every time.
        order = torch.randperm(patients, generator=torch.Generator().manual_seed(0)).tolist()
        if patients > 3:
            self.counts = [self.counts[i] for i in order]
        self.most = most
        random = torch.Generator().manual_seed(1)
        self.table = (
            torch.randn(4 * patches[1], width, generator=random) if table is None else table
        )
        self.expression = torch.randn(patients, GENES_AND_CLINICAL[0], generator=random)
        self.covariates = torch.randn(patients, GENES_AND_CLINICAL[1], generator=random)

    def __len__(self) -> int:
        return len(self.counts)

    def __getitem__(self, position: int) -> Patient:
        """The patient; every third has the event."""
        if not 0 <= position < len(self.counts):
            raise IndexError(position)
        count = self.counts[position]
        start = position * 997 % (len(self.table) - count + 1)
        taken = min(count, self.most or count)
        return Patient(
            patient_id=f"P{position}",
            patches=self.table[start : start + taken],
            coords=torch.zeros(taken, 2, dtype=torch.int64),
            slide=torch.zeros(taken, dtype=torch.int64),
            expression=self.expression[position],
            gene_mask=torch.ones(GENES_AND_CLINICAL[0], dtype=torch.bool),
            covariates=self.covariates[position],
            has_clinical=True,
            time_days=float(1 + position * 37 % 5000),
            event=position % 3 == 0,
        )

"""The dataset: index to patient. It reads; which rows in what order, the data module decides."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import torch
from torch.utils.data import Dataset, Sampler

from data_modules.cohort import Cohort
from data_modules.features import Bag, empty_bag
from data_modules.transforms import Transforms
from mmsurv.batch import Patient


class Draw(NamedTuple):
    """One patient of one epoch; what is random about it is a function of both."""

    position: int
    epoch: int


class EpochSampler(Sampler[Draw]):
    """A new order every epoch, a pure function of seed and epoch, so that a resumed run repeats it.

    Args:
        length: Number of patients.
        seed: Of the run, fold and network.
    """

    def __init__(self, length: int, seed: int) -> None:
        self.length = length
        self.seed = seed
        self.epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Called by Lightning before every epoch."""
        self.epoch = epoch

    def __len__(self) -> int:
        return self.length

    def __iter__(self) -> Iterator[Draw]:
        random = torch.Generator().manual_seed(self.seed * 1_000_003 + self.epoch)
        for index in torch.randperm(self.length, generator=random).tolist():
            yield Draw(index, self.epoch)


class SurvivalDataset(Dataset[Patient]):
    """Patients of one role; bags are read when asked for.

    Args:
        cohort: All patients.
        patients: Those of the role.
        transforms: Fitted on the training role.
        max_patches: Random patches of a bag in training; 0 takes all. Evaluation takes all.
        seed: Of the choice of patches.
        cache: Keep bags after their first read.
    """

    def __init__(
        self,
        cohort: Cohort,
        patients: Sequence[str],
        transforms: Transforms,
        *,
        max_patches: int = 0,
        seed: int = 0,
        cache: bool = False,
    ) -> None:
        self.patients = list(patients)
        self.transforms = transforms
        self.store = cohort.features
        self.having = self.store.patients() if self.store is not None else frozenset()
        self.max_patches = max_patches
        self.seed = seed
        self.kept: dict[str, Bag] | None = {} if cache else None
        rows = cohort.table.loc[self.patients]
        self.time_days = rows["time_days"].tolist()
        self.event = rows["event"].tolist()
        self.covariates = transforms.covariates(cohort, self.patients)
        self.expression, self.gene_mask = transforms.expression(cohort, self.patients)
        raw = rows[list(cohort.covariates)]
        self.has_clinical = raw.notna().any(axis=1).tolist()

    def __len__(self) -> int:
        return len(self.patients)

    def __getitem__(self, draw: Draw | int) -> Patient:
        """The patient; a `Draw` is one of training, an integer one of evaluation."""
        index = draw.position if isinstance(draw, Draw) else draw
        bag = self._bag(self.patients[index])
        if isinstance(draw, Draw) and 0 < self.max_patches < len(bag.features):
            bag = self._some_patches(bag, draw)
        return Patient(
            patient_id=self.patients[index],
            patches=bag.features,
            coords=bag.coords,
            slide=bag.slide,
            expression=self.expression[index],
            gene_mask=self.gene_mask[index],
            covariates=self.covariates[index],
            has_clinical=self.has_clinical[index],
            time_days=self.time_days[index],
            event=self.event[index],
        )

    def _bag(self, patient: str) -> Bag:
        if self.store is None or patient not in self.having:
            return empty_bag(self.store.width if self.store is not None else 0)
        if self.kept is not None and patient in self.kept:
            return self.kept[patient]
        read = self.store.read(patient)
        bag = read._replace(features=self.transforms.features(read.features))
        if self.kept is not None:
            self.kept[patient] = bag
        return bag

    def _some_patches(self, bag: Bag, draw: Draw) -> Bag:
        seed = (self.seed * 1_000_003 + draw.epoch) * 1_000_003 + draw.position
        random = torch.Generator().manual_seed(seed % 2**63)
        order = torch.randperm(len(bag.features), generator=random)[: self.max_patches].sort()
        return Bag(*(part[order.values] for part in bag))

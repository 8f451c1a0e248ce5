"""The dataset: index to patient. It reads; which rows in what order, the data module decides."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from hashlib import sha256
from typing import NamedTuple

import torch
from torch.utils.data import Dataset, Sampler

from data_modules.cohort import Cohort
from data_modules.features import Bag, ResidentStore, empty_bag
from data_modules.transforms import Transforms
from mmsurv.batch import Patient


class Draw(NamedTuple):
    """One patient of one epoch; what is random about it is a function of both."""

    position: int
    epoch: int


class Copy(NamedTuple):
    """A patient who is read once more, and not counted, to keep a rank in step with others."""

    of: Draw | int


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
        for index in self.order(random):
            yield Draw(index, self.epoch)

    def order(self, random: torch.Generator) -> list[int]:
        """Positions of all patients, each once."""
        order: list[int] = torch.randperm(self.length, generator=random).tolist()
        return order


class SurvivalDataset(Dataset[Patient]):
    """Patients of one role; bags are read when asked for.

    Args:
        cohort: All patients.
        patients: Those of the role.
        transforms: Fitted on the training role.
        max_patches: Random patches of a bag in training; 0 takes all.
        eval_patches: Patches of a bag in evaluation, the same ones always; 0 takes all.
        seed: Of the choice of patches.
        cache: Keep bags after their first read. Patients without a bag are kept anyway.
    """

    def __init__(
        self,
        cohort: Cohort,
        patients: Sequence[str],
        transforms: Transforms,
        *,
        max_patches: int = 0,
        eval_patches: int = 0,
        seed: int = 0,
        cache: bool = False,
    ) -> None:
        self.patients = list(patients)
        self.transforms = transforms
        self.store = cohort.features
        self.device = torch.device("cpu")
        if isinstance(self.store, ResidentStore):
            self.device = self.store.device
        self.having = self.store.patients() if self.store is not None else frozenset()
        self.max_patches = max_patches
        self.eval_patches = eval_patches
        self.seed = seed
        self.cache = cache
        # By position: with small networks, making patients anew is much of an epoch.
        self.kept: dict[int, Patient] = {}
        rows = cohort.table.loc[self.patients]
        self.time_days = rows["time_days"].tolist()
        self.event = rows["event"].tolist()
        self.covariates = transforms.covariates(cohort, self.patients)
        self.expression, self.gene_mask = transforms.expression(cohort, self.patients)
        raw = rows[list(cohort.covariates)]
        self.has_clinical = raw.notna().any(axis=1).tolist()

    def __len__(self) -> int:
        return len(self.patients)

    def __getitem__(self, draw: Draw | int | Copy) -> Patient:
        """The patient; a `Draw` is one of training, an integer one of evaluation."""
        if isinstance(draw, Copy):
            return self[draw.of]._replace(counted=False)
        index = draw.position if isinstance(draw, Draw) else draw
        patient = self._whole(index)
        bag = Bag(patient.patches, patient.coords, patient.slide)
        if isinstance(draw, Draw):
            seed = (self.seed * 1_000_003 + draw.epoch) * 1_000_003 + draw.position
            bag = some_patches(bag, self.max_patches, seed)
        else:
            # Whatever fold, network or run asks, it is the same part of a patient.
            bag = some_patches(bag, self.eval_patches, patient_seed(patient.patient_id))
        return patient._replace(patches=bag.features, coords=bag.coords, slide=bag.slide)

    def _whole(self, index: int) -> Patient:
        """The patient with all patches."""
        if index in self.kept:
            return self.kept[index]
        bag = self._bag(self.patients[index])
        patient = Patient(
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
        if self.cache or len(bag.features) == 0:
            self.kept[index] = patient
        return patient

    def _bag(self, patient: str) -> Bag:
        if self.store is None or patient not in self.having:
            empty = empty_bag(self.store.width if self.store is not None else 0)
            return Bag(*(part.to(self.device) for part in empty))
        try:
            read = self.store.read(patient)
            return read._replace(features=self.transforms.features(read.features))
        except (MemoryError, RuntimeError, OSError) as error:
            error.add_note(f"the bag that was being read is that of {patient}")
            raise


def patient_seed(patient_id: str) -> int:
    """A number of the patient's own.

    Example:
        >>> patient_seed("TCGA-AA") == patient_seed("TCGA-AA") != patient_seed("TCGA-AB")
        True
    """
    return int.from_bytes(sha256(patient_id.encode()).digest()[:7])


def some_patches(bag: Bag, most: int, seed: int) -> Bag:
    """A random part of a bag in the order of the bag; all of it where `most` is 0 or not less.

    Example:
        >>> bag = Bag(torch.eye(3), torch.zeros(3, 2).long(), torch.zeros(3).long())
        >>> len(some_patches(bag, 2, 0).features), some_patches(bag, 3, 0) is bag
        (2, True)
    """
    if not 0 < most < len(bag.features):
        return bag
    random = torch.Generator().manual_seed(seed % 2**63)
    order = torch.randperm(len(bag.features), generator=random)[:most].sort().values
    return Bag(*(part[order.to(part.device)] for part in bag))

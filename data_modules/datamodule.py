"""The LightningDataModule: one fold of a cohort, three modalities, streamed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

import pandas as pd
import torch
from jaxtyping import Float
from lightning.pytorch import LightningDataModule
from torch import Tensor
from torch.utils.data import DataLoader

from data_modules.cohort import Cohort
from data_modules.dataset import EpochSampler, SurvivalDataset
from data_modules.folds import Folds, Part
from data_modules.prefetch import PrefetchLoader
from data_modules.samplers import EventBalancedSampler, RankBatches
from data_modules.transforms import Transforms, fit_transforms
from mmsurv.batch import Batch, Patient, Sizes, collate


class Bags(NamedTuple):
    """Whose bags a batch holds, for telling what did not fit into memory.

    Attributes:
        patients: Identifiers.
        counts: Patches of each.
    """

    patients: tuple[str, ...]
    counts: tuple[int, ...]

    def largest(self) -> str:
        """Whose bag is the largest.

        Example:
            >>> Bags(("P1", "P2"), (3, 70_000)).largest()
            'the largest bag of the batch is that of P2, 70,000 patches'
        """
        count, patient = max(zip(self.counts, self.patients, strict=True))
        return f"the largest bag of the batch is that of {patient}, {count:,} patches"


def together(patients: Sequence[Patient]) -> Batch:
    """`collate`; where memory does not suffice, the error says whose bag is the largest."""
    try:
        return collate(patients)
    except (MemoryError, RuntimeError) as error:
        bags = Bags(*zip(*((p.patient_id, len(p.patches)) for p in patients), strict=True))
        error.add_note(bags.largest())
        raise


class SurvivalDataModule(LightningDataModule):
    """Streams the patients of one fold; everything fitted is fitted on its training role.

    Args:
        cohort: All patients.
        folds: Who has which role when.
        fold: Which fold, from 0.
        member: Whose inner split; see `Folds.patients`.
        batch_size: Patients a batch; where a trainer has several ranks, of all of them together.
        workers: Processes that read bags beside this one; none where bags are cached, as each
            would fill a cache of its own.
        cache: Keep bags in memory after their first read.
        max_patches: Random patches a patient and epoch in training; 0 takes all.
        sampler: random: any patient in any batch; event_balanced: see `EventBalancedSampler`.
        eval_patches: Fixed patches a patient in evaluation; 0 takes all.
        prefetch: Batches that a thread reads ahead, where there are no workers.
        pinned: Lay batches where a GPU copies from them while it computes.
        seed: Of order and choice of patches.
    """

    def __init__(
        self,
        cohort: Cohort,
        folds: Folds,
        *,
        fold: int,
        member: int = 0,
        batch_size: int = 12,
        workers: int = 0,
        cache: bool = False,
        max_patches: int = 0,
        sampler: Literal["random", "event_balanced"] = "random",
        eval_patches: int = 0,
        prefetch: int = 0,
        pinned: bool = False,
        seed: int = 0,
    ) -> None:
        super().__init__()
        self.cohort = cohort
        self.folds = folds
        self.fold = fold
        self.member = member
        self.batch_size = batch_size
        self.workers = workers
        self.cache = cache
        self.max_patches = max_patches
        self.sampler = sampler
        self.eval_patches = eval_patches
        self.prefetch = prefetch
        self.pinned = pinned
        self.seed = seed
        self.transforms: Transforms | None = None
        self.at_hand: Bags | None = None
        self._datasets: dict[Part, SurvivalDataset] = {}

    @property
    def sizes(self) -> Sizes:
        """Widths of the modalities; 0 where one is not asked for."""
        fitted = self._fitted()
        genes = self.cohort.expression
        return Sizes(
            patch_width=self.cohort.features.width if self.cohort.features is not None else 0,
            genes=genes.shape[1] if genes is not None else 0,
            covariates=len(fitted.columns),
        )

    @property
    def covariate_names(self) -> list[str]:
        """Names of the transformed clinical variables, in order."""
        return [column.name for column in self._fitted().columns]

    def setup(self, stage: str = "fit") -> None:
        """Fits the transforms on the training role, once."""
        if self.transforms is None:
            held_out = {*self.patients("val"), *self.patients("test")}
            self.transforms = fit_transforms(self.cohort, self.patients("train"), sorted(held_out))

    def patients(self, role: Part) -> list[str]:
        """Of a role, or `development`: all who are not held out."""
        return self.folds.patients(self.fold, role, self.member)

    def role_table(self, role: Part) -> pd.DataFrame:
        """time_days and event of a role, in the order of `role_dataloader`."""
        return self.cohort.table.loc[self.patients(role), ["time_days", "event"]]

    def role_covariates(self, role: Part) -> Float[Tensor, "n C"]:
        """Transformed clinical variables of a role, in the order of `role_dataloader`."""
        return self._fitted().covariates(self.cohort, self.patients(role))

    def role_expression(self, role: Part) -> Float[Tensor, "n G"]:
        """Standardised expression of a role, 0 where it was not measured, in the same order."""
        return self._fitted().expression(self.cohort, self.patients(role))[0]

    def transforms_state(self) -> dict[str, object]:
        """The fitted transforms, for a checkpoint."""
        return self._fitted().to_state()

    def role_dataset(self, role: Part) -> SurvivalDataset:
        """Patients of a role."""
        if role == "val" and self.folds.protocol == "paper":
            role = "test"  # the same patients: their bags are cached once
        if role not in self._datasets:
            self._datasets[role] = SurvivalDataset(
                self.cohort,
                self.patients(role),
                self._fitted(),
                max_patches=self.max_patches,
                eval_patches=self.eval_patches,
                seed=self.seed,
                cache=self.cache,
            )
        return self._datasets[role]

    def train_dataloader(self) -> DataLoader[Patient]:
        """Training patients in a new order every epoch; the last batch may be small."""
        dataset = self.role_dataset("train")
        sampler = (
            EventBalancedSampler(dataset.event, self.batch_size, self.seed)
            if self.sampler == "event_balanced"
            else EpochSampler(len(dataset), self.seed)
        )
        return self._loader(dataset, sampler, self._share(sampler))

    def val_dataloader(self) -> DataLoader[Patient]:
        """Patients who stop the training, in fixed order."""
        dataset = self.role_dataset("val")
        return self._loader(dataset, None, self._share(range(len(dataset))))

    def test_dataloader(self) -> DataLoader[Patient]:
        """Held-out patients, in fixed order."""
        return self.role_dataloader("test")

    def transfer_batch_to_device(
        self, batch: Batch, device: torch.device, dataloader_idx: int
    ) -> Batch:
        """Moves the batch; on a CPU it already is there, and looking at every leaf takes time."""
        self.at_hand = Bags(batch.patient_id, batch.patches.counts)
        if device.type == "cpu" and batch.patches.tokens.device.type == "cpu":
            return batch
        moved: Batch = super().transfer_batch_to_device(batch, device, dataloader_idx)
        return moved

    def role_dataloader(self, role: Part) -> DataLoader[Patient]:
        """Patients of a role in fixed order, with all their patches, or a fixed part of them."""
        return self._loader(self.role_dataset(role), None)

    def _share(self, sampler: EpochSampler | range) -> RankBatches | None:
        """This rank's part of every batch, where several train together."""
        trainer = self.trainer
        if trainer is None or trainer.world_size == 1:
            return None
        return RankBatches(
            sampler, self.batch_size, rank=trainer.global_rank, world=trainer.world_size
        )

    def _loader(
        self,
        dataset: SurvivalDataset,
        sampler: EpochSampler | None,
        share: RankBatches | None = None,
    ) -> DataLoader[Patient]:
        return PrefetchLoader(
            dataset,
            batch_size=1 if share else self.batch_size,
            sampler=None if share else sampler,
            batch_sampler=share,
            ahead=self.prefetch,
            pinned=self.pinned,
            num_workers=0 if self.cache else self.workers,
            collate_fn=together,
            # A loader draws a number whenever it is iterated; from a generator of its own, so that
            # the dropout of a resumed run does not shift by one.
            generator=torch.Generator(),
        )

    def _fitted(self) -> Transforms:
        if self.transforms is None:
            raise RuntimeError("call setup() first: the transforms are not fitted yet")
        return self.transforms

"""The LightningDataModule: one fold of a cohort, three modalities, streamed."""

from __future__ import annotations

import pandas as pd
import torch
from jaxtyping import Float
from lightning.pytorch import LightningDataModule
from torch import Tensor
from torch.utils.data import DataLoader

from data_modules.cohort import Cohort
from data_modules.dataset import EpochSampler, SurvivalDataset
from data_modules.folds import Folds, Part
from data_modules.transforms import Transforms, fit_transforms
from mmsurv.batch import Batch, Patient, Sizes, collate


class SurvivalDataModule(LightningDataModule):
    """Streams the patients of one fold; everything fitted is fitted on its training role.

    Args:
        cohort: All patients.
        folds: Who has which role when.
        fold: Which fold, from 0.
        member: Whose inner split; see `Folds.patients`.
        batch_size: Patients a batch.
        workers: Processes that read bags beside this one; none where bags are cached, as each
            would fill a cache of its own.
        cache: Keep bags in memory after their first read.
        max_patches: Random patches a patient and epoch in training; 0 takes all.
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
        self.seed = seed
        self.transforms: Transforms | None = None
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
                seed=self.seed,
                cache=self.cache,
            )
        return self._datasets[role]

    def train_dataloader(self) -> DataLoader[Patient]:
        """Training patients in a new order every epoch; the last batch may be small."""
        dataset = self.role_dataset("train")
        return self._loader(dataset, EpochSampler(len(dataset), self.seed))

    def val_dataloader(self) -> DataLoader[Patient]:
        """Patients who stop the training, in fixed order."""
        return self.role_dataloader("val")

    def test_dataloader(self) -> DataLoader[Patient]:
        """Held-out patients, in fixed order."""
        return self.role_dataloader("test")

    def transfer_batch_to_device(
        self, batch: Batch, device: torch.device, dataloader_idx: int
    ) -> Batch:
        """Moves the batch; on a CPU it already is there, and looking at every leaf takes time."""
        if device.type == "cpu":
            return batch
        moved: Batch = super().transfer_batch_to_device(batch, device, dataloader_idx)
        return moved

    def role_dataloader(self, role: Part) -> DataLoader[Patient]:
        """Patients of a role in fixed order, with all their patches."""
        return self._loader(self.role_dataset(role), None)

    def _loader(
        self, dataset: SurvivalDataset, sampler: EpochSampler | None
    ) -> DataLoader[Patient]:
        return DataLoader(
            dataset,
            batch_size=self.batch_size,
            sampler=sampler,
            num_workers=0 if self.cache else self.workers,
            collate_fn=collate,
            # A loader draws a number whenever it is iterated; from a generator of its own, so that
            # the dropout of a resumed run does not shift by one.
            generator=torch.Generator(),
        )

    def _fitted(self) -> Transforms:
        if self.transforms is None:
            raise RuntimeError("call setup() first: the transforms are not fitted yet")
        return self.transforms

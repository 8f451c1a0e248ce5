"""Bags that stay where they were read to: in memory, or on a GPU."""

from __future__ import annotations

import torch

from data_modules.features.bag import Bag, FeatureStore
from data_modules.features.packed import PackedStore


class ResidentStore:
    """Reads each bag once and keeps it on a device, for all roles, epochs and folds of a process.

    Args:
        store: Where bags come from.
        device: Where they stay.
    """

    def __init__(self, store: FeatureStore, device: torch.device) -> None:
        # On a GPU bags are copies: their maps go.
        if isinstance(store, PackedStore) and device.type == "cpu":
            store = store.held()
        self.store = store
        self.device = device
        self.width = store.width
        self.standardise = store.standardise
        self.kept: dict[str, Bag] = {}

    def patients(self) -> frozenset[str]:
        """Patients with a bag."""
        return self.store.patients()

    def read(self, patient_id: str) -> Bag:
        """The bag of a patient, on the device; the same tensors every time."""
        if patient_id not in self.kept:
            read = self.store.read(patient_id)
            self.kept[patient_id] = Bag(*(part.to(self.device) for part in read))
        return self.kept[patient_id]

    def fingerprint(self) -> str:
        """That of what is kept."""
        return self.store.fingerprint()

    def nbytes(self) -> int:
        """Bytes of all bags."""
        return self.store.nbytes()

    def unread(self) -> int:
        """Bytes of the bags that are still to be read, and are to be kept then."""
        return self.nbytes() - sum(part.nbytes for bag in self.kept.values() for part in bag)

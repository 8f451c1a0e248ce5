"""A table of slide-level features: a bag of one token a patient."""

from __future__ import annotations

import hashlib

import numpy as np
import pandas as pd
import torch

from data_modules.features.bag import Bag


class TableStore:
    """One row a patient, one column a feature; small enough to be kept.

    Args:
        table: Index patient, columns features, all finite.
    """

    standardise = True

    def __init__(self, table: pd.DataFrame) -> None:
        self.names = tuple(table.columns)
        self.rows = dict(zip(table.index, table.to_numpy(dtype=np.float32), strict=True))
        self.width = len(self.names)

    def patients(self) -> frozenset[str]:
        """Patients with a row."""
        return frozenset(self.rows)

    def read(self, patient_id: str) -> Bag:
        """One token at the origin of the one slide."""
        return Bag(
            torch.from_numpy(self.rows[patient_id][None].copy()),
            torch.zeros(1, 2, dtype=torch.int64),
            torch.zeros(1, dtype=torch.int64),
        )

    def nbytes(self) -> int:
        """Bytes of all bags: a token, two coordinates and a slide number a patient."""
        return len(self.rows) * (4 * self.width + 24)

    def fingerprint(self) -> str:
        """Hash of every value."""
        digest = hashlib.sha256(repr(self.names).encode())
        for patient in sorted(self.rows):
            digest.update(patient.encode() + self.rows[patient].tobytes())
        return digest.hexdigest()

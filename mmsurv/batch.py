"""The contract between data and model: one patient, and a batch of patients.

Bags are ragged: patients have different numbers of patches, and some have none. A batch therefore
holds the patches of all its patients end to end, with their counts; nothing is padded here.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor


class Ragged(NamedTuple):
    """Token sets of unlike lengths, end to end.

    Attributes:
        tokens: All tokens, those of the first patient first; T = sum(counts).
        counts: Tokens of each patient. Python integers, so that splitting never waits for a GPU.
    """

    tokens: Float[Tensor, "T d"]
    counts: tuple[int, ...]


class Patient(NamedTuple):
    """One patient as the dataset hands it out. A modality that is absent is empty or masked.

    Attributes:
        patient_id: Identifier, as in the cohort's table.
        patches: Patch (or slide-level) features; N = 0 where the patient has no image.
        coords: Upper left corner of each patch in level-0 px of its slide.
        slide: Which of the patient's slides a patch comes from, 0 to S-1.
        expression: Standardised expression; 0 where `gene_mask` is False.
        gene_mask: True = measured.
        covariates: Transformed clinical variables; all 0 where the modality is absent.
        has_clinical: False where no clinical variable of the patient is known.
        time_days: Time to event or censoring in days, positive.
        event: True = it happened.
        counted: False for the copy of a patient who is counted elsewhere; see `Batch`.
    """

    patient_id: str
    patches: Float[Tensor, "N d"]
    coords: Int[Tensor, "N 2"]
    slide: Int[Tensor, " N"]
    expression: Float[Tensor, " G"]
    gene_mask: Bool[Tensor, " G"]
    covariates: Float[Tensor, " C"]
    has_clinical: bool
    time_days: float
    event: bool
    counted: bool = True


class Batch(NamedTuple):
    """B patients, modality by modality. See `Patient` for meanings and units.

    Attributes:
        patient_id: B identifiers.
        patches: All patches end to end, with counts.
        coords: Level-0 px, aligned with the patches.
        slide: Slide of each patch within its patient.
        expression: Standardised expression.
        gene_mask: True = measured.
        covariates: Transformed clinical variables.
        has_clinical: True where at least one clinical variable is known.
        time_days: Positive, in days.
        event: True = it happened.
        counted: False where these are copies, which keep a process in step with others that train
            the same network; they belong to no loss and no metric.
    """

    patient_id: tuple[str, ...]
    patches: Ragged
    coords: Int[Tensor, "T 2"]
    slide: Int[Tensor, " T"]
    expression: Float[Tensor, "B G"]
    gene_mask: Bool[Tensor, "B G"]
    covariates: Float[Tensor, "B C"]
    has_clinical: Bool[Tensor, " B"]
    time_days: Float[Tensor, " B"]
    event: Bool[Tensor, " B"]
    counted: bool = True


class Sizes(NamedTuple):
    """Widths of the data; 0 means that the model does not use the modality.

    Attributes:
        patch_width: Width of a patch feature.
        genes: Number of genes.
        covariates: Number of transformed clinical variables.
    """

    patch_width: int
    genes: int
    covariates: int


def collate(patients: Sequence[Patient]) -> Batch:
    """Puts patients end to end into one batch.

    Args:
        patients: At least one patient; widths d, G and C must agree.

    Returns:
        The batch, in the order given. Features become float32.

    Raises:
        ValueError: Copies stand beside patients who are counted.

    Example:
        >>> import torch
        >>> def patient(name: str, n: int) -> Patient:
        ...     return Patient(name, torch.ones(n, 4), torch.zeros(n, 2, dtype=torch.int64),
        ...                    torch.zeros(n, dtype=torch.int64), torch.zeros(3),
        ...                    torch.ones(3, dtype=torch.bool), torch.zeros(2), True, 10.0, True)
        >>> batch = collate([patient("a", 2), patient("b", 0)])
        >>> batch.patches.counts, tuple(batch.patches.tokens.shape)
        ((2, 0), (2, 4))
    """
    counted = {p.counted for p in patients}
    if len(counted) > 1:
        raise ValueError("copies and patients who are counted cannot share a batch")
    return Batch(
        patient_id=tuple(p.patient_id for p in patients),
        patches=Ragged(
            _end_to_end([p.patches for p in patients]),
            tuple(p.patches.shape[0] for p in patients),
        ),
        coords=torch.cat([p.coords for p in patients]),
        slide=torch.cat([p.slide for p in patients]),
        expression=torch.stack([p.expression for p in patients]).float(),
        gene_mask=torch.stack([p.gene_mask for p in patients]),
        covariates=torch.stack([p.covariates for p in patients]).float(),
        has_clinical=torch.tensor([p.has_clinical for p in patients], dtype=torch.bool),
        time_days=torch.tensor([p.time_days for p in patients], dtype=torch.float32),
        event=torch.tensor([p.event for p in patients], dtype=torch.bool),
        counted=counted.pop(),
    )


def _end_to_end(parts: Sequence[Tensor]) -> Tensor:
    """As float32, in one pass over features that are stored in half precision."""
    shape = sum(len(part) for part in parts), parts[0].shape[1]
    return torch.cat(list(parts), out=parts[0].new_empty(shape, dtype=torch.float32))

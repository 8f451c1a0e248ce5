from __future__ import annotations

import pytest
import torch
from lightning.fabric.utilities import move_data_to_device

from mmsurv.batch import collate


def test_collate_keeps_patients_apart_and_in_order(make_patients) -> None:
    patients = make_patients([3, 0, 2])
    batch = collate(patients)
    assert batch.patient_id == ("P0", "P1", "P2")
    assert batch.patches.counts == (3, 0, 2)
    parts = batch.patches.tokens.split(batch.patches.counts)
    for part, patient in zip(parts, patients, strict=True):
        assert torch.equal(part, patient.patches)
    assert batch.event.dtype == torch.bool


def test_half_precision_features_become_single(make_patients) -> None:
    (patient,) = make_patients([3])
    batch = collate([patient._replace(patches=patient.patches.half())])
    assert batch.patches.tokens.dtype == torch.float32


def test_lightning_moves_every_tensor_and_keeps_the_types(make_patients) -> None:
    batch = collate(make_patients([2, 1]))
    moved = move_data_to_device(batch, torch.device("meta"))
    assert type(moved) is type(batch)
    assert moved.patches.tokens.is_meta
    assert moved.time_days.is_meta
    assert moved.patches.counts == (2, 1)
    assert moved.patient_id == batch.patient_id


def test_patches_of_unlike_precision_become_float32_and_of_unlike_width_are_refused(
    make_patients,
) -> None:
    one, other = make_patients([3, 2])
    mixed = collate([one._replace(patches=one.patches.half()), other])
    assert mixed.patches.tokens.dtype == torch.float32
    assert torch.equal(mixed.patches.tokens[:3], one.patches.half().float())
    assert torch.equal(mixed.patches.tokens[3:], other.patches)
    with pytest.raises(RuntimeError, match="Sizes of tensors must match"):
        collate([one, other._replace(patches=other.patches[:, :1])])
